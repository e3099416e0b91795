"""Renames and removals, the only ones of the product: Windows refuses them for a moment, or because a file is read-only.

An antivirus program or an indexer opens a new file for some milliseconds. Meanwhile Windows renames, replaces and removes
it for nobody (Win32, "CreateFile", sharing modes).
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

WINDOWS = os.name == "nt"
PATIENCE_S = 1.0
"""How long a refusal may last."""
_PAUSE_S = 0.02
_IN_USE = {None, 5, 32}
"""ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION; the C library, which opens files, names none of them."""
_WRITABLE = stat.S_IREAD | stat.S_IWRITE
Result = TypeVar("Result")


def rename(source: Path | str, target: Path | str, *, windows: bool = WINDOWS) -> None:
    """Rename a file or folder; a ``target`` that exists is an error on Windows alone."""
    patiently(lambda: os.rename(source, target), windows=windows)  # noqa: PTH104 (takes strings: blobs go by in thousands)


def replace(source: Path | str, target: Path | str, *, within_s: float = PATIENCE_S, windows: bool = WINDOWS) -> None:
    """Rename a file in place of ``target``, which may be read-only."""
    _even_read_only(target, lambda: os.replace(source, target), within_s=within_s, windows=windows)  # noqa: PTH105


def unlink(
    path: Path | str, *, missing_ok: bool = False, within_s: float = PATIENCE_S, windows: bool = WINDOWS
) -> None:
    """Remove a file, which may be read-only; ``missing_ok``: or be gone already."""
    try:
        _even_read_only(path, lambda: os.unlink(path), within_s=within_s, windows=windows)  # noqa: PTH108
    except FileNotFoundError:
        if not missing_ok:
            raise


def rmdir(folder: Path | str, *, windows: bool = WINDOWS) -> None:
    """Remove an empty folder, which may be read-only."""
    _even_read_only(folder, lambda: os.rmdir(folder), windows=windows)  # noqa: PTH106


def remove_tree(folder: Path | str, *, ignore_errors: bool = False, windows: bool = WINDOWS) -> None:
    """Remove a folder with all it contains, read-only files too; links go without the files they lead to.

    ``ignore_errors``: leave files that cannot be removed.
    """

    def again(function: Callable[..., Any], path: str, error: BaseException) -> None:
        try:
            if not windows or function not in (os.unlink, os.rmdir):
                raise error
            _even_read_only(path, lambda: function(path), windows=windows)
        except OSError:
            if not ignore_errors:
                raise

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=again)
    else:
        shutil.rmtree(folder, onerror=lambda function, path, found: again(function, path, found[1]))


def patiently(
    act: Callable[[], Result],
    *,
    within_s: float = PATIENCE_S,
    windows: bool = WINDOWS,
    now_s: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = time.sleep,
) -> Result:
    """Do what Windows may refuse while another program has the file open, again and again for ``within_s``."""
    until_s = now_s() + within_s
    while True:
        try:
            return act()
        except PermissionError as exc:
            if not is_refusal(exc, windows=windows) or now_s() >= until_s:
                raise
        pause(_PAUSE_S)


def is_refusal(error: OSError, *, windows: bool = WINDOWS) -> bool:
    """Whether Windows may allow the same a moment later."""
    return windows and isinstance(error, PermissionError) and getattr(error, "winerror", None) in _IN_USE


def _even_read_only(
    path: Path | str, act: Callable[[], None], *, within_s: float = PATIENCE_S, windows: bool = WINDOWS
) -> None:
    """Do what Windows refuses for a read-only file or folder; if that fails, the file stays read-only."""
    mode = _read_only_mode(path) if windows else None
    if mode is None:
        patiently(act, within_s=within_s, windows=windows)
        return
    os.chmod(path, _WRITABLE)  # noqa: PTH101
    try:
        patiently(act, within_s=within_s, windows=windows)
    except OSError:
        with suppress(OSError):
            os.chmod(path, mode)  # noqa: PTH101
        raise


def _read_only_mode(path: Path | str) -> int | None:
    """Return the mode of a read-only file; None for any other, for links, and if there is none."""
    with suppress(OSError):
        status = os.lstat(path)
        if not (status.st_mode & stat.S_IWRITE or stat.S_ISLNK(status.st_mode)):
            return stat.S_IMODE(status.st_mode)
    return None
