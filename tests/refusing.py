"""Windows' refusals on any system: a read-only file is not removed, and a file that a program holds is not renamed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ACCESS_DENIED, SHARING_VIOLATION = 5, 32


def refused(path: Path | str, number: int = SHARING_VIOLATION) -> PermissionError:
    """Make the error that Windows raises for a file."""
    error = PermissionError(13, "refused", os.fspath(path))
    error.winerror = number  # type: ignore[attr-defined, unused-ignore]
    return error


def refuse_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse what Windows refuses of read-only files; on Windows itself nothing needs to be done."""
    if os.name == "nt":
        return
    for name in ("unlink", "rmdir"):
        monkeypatch.setattr(os, name, _for_writable(getattr(os, name), argument=0))
    monkeypatch.setattr(os, "replace", _for_writable(os.replace, argument=1))
    real_open = os.open

    def opened(path: Any, flags: int, *more: Any, **others: Any) -> int:
        if flags & os.O_RDWR and not flags & os.O_CREAT:
            _require_writable(path)
        return real_open(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", opened)


def hold(monkeypatch: pytest.MonkeyPatch, function: str, tries: int, number: int = SHARING_VIOLATION) -> list[str]:
    """Refuse the first ``tries`` calls of a function of ``os``; returns the paths of the refused calls."""
    real, calls = getattr(os, function), list[str]()

    def refusing(path: Any, *more: Any, **others: Any) -> Any:
        if len(calls) < tries:
            calls.append(os.fspath(path))
            raise refused(path, number)
        return real(path, *more, **others)

    monkeypatch.setattr(os, function, refusing)
    return calls


def _for_writable(real: Callable[..., Any], *, argument: int) -> Callable[..., Any]:
    def refusing(*paths: Any, **more: Any) -> Any:
        _require_writable(paths[argument], **more)
        return real(*paths, **more)

    return refusing


def _require_writable(path: Any, dir_fd: int | None = None) -> None:
    try:
        mode = os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not (mode & stat.S_IWRITE or stat.S_ISLNK(mode)):
        raise refused(path, ACCESS_DENIED)
