"""Replacing a configuration durably, by one program at a time, with a copy of the former file."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from pywats_archive.errors import ConfigChanged, ConfigError
from pywats_archive.host.settings.document import read_content
from pywats_archive.host.settings.state_file import FORMER
from pywats_archive.portable import names
from pywats_archive.portable.files import sync_folder
from pywats_archive.portable.placing import free_names
from pywats_archive.portable.private import create_like

_LOCK = ".lock"
_PARTIAL = ".part"
_PATIENCE_S = 10.0


@contextmanager
def sole_writer(path: Path, real: Path) -> Iterator[None]:
    """Keep other programs from changing a configuration; ConfigChanged if one does for long, ConfigError if it cannot be."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 (slow to import, and readers lock nothing)

    former = real.parent / FORMER
    try:
        former.mkdir(mode=0o700, exist_ok=True)
        with FileLock(former / _LOCK, timeout=_PATIENCE_S, thread_local=False, is_singleton=False):
            yield
    except Timeout as exc:
        raise ConfigChanged(f"{path}: another program is changing it; try again") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be changed ({exc.strerror or exc}); check the rights of its folder") from exc


def replace_keeping(path: Path, real: Path, *, before: bytes, after: bytes) -> Path:
    """Replace a configuration, and return the copy of the former file; the caller is its sole writer."""
    _require_writable(path, real)
    _clear(real)
    former = _kept(real, before)
    _replace(path, real, before=before, after=after)
    return former


def changed_meanwhile(path: Path) -> ConfigChanged:
    """Return the error for a file that is not the planned one."""
    return ConfigChanged(f"{path}: was changed meanwhile; look at the changes again, then save them")


def _clear(real: Path) -> None:
    """Remove partial files of interrupted changes: they contain the station's secrets. The caller holds the lock."""
    for path in list(real.parent.iterdir()):
        if path.name.startswith(f".{real.name}.") and path.name.endswith(_PARTIAL):
            names.unlink(path, missing_ok=True)


def _kept(real: Path, content: bytes) -> Path:
    now = datetime.now(timezone.utc)
    for name in free_names(f"{now:%Y%m%dT%H%M%SZ}-{real.name}"):
        copy = real.parent / FORMER / name
        try:
            create_like(copy, content, model=real)
        except FileExistsError:
            continue
        return copy
    raise AssertionError("names do not end")


def _replace(path: Path, real: Path, *, before: bytes, after: bytes) -> None:
    partial = real.with_name(f".{real.name}.{secrets.token_hex(4)}{_PARTIAL}")
    try:
        create_like(partial, after, model=real)
        if read_content(real) != before:
            raise changed_meanwhile(path)
        names.replace(partial, real)
    finally:
        names.unlink(partial, missing_ok=True)
    sync_folder(real.parent)


def _require_writable(path: Path, real: Path) -> None:
    """Raise ConfigError for a file that is read-only; it could be replaced, but somebody protected it."""
    if not real.stat().st_mode & stat.S_IWUSR or not os.access(real, os.W_OK):
        raise ConfigError(f"{path}: is read-only; make the file writable, or change it by hand")
