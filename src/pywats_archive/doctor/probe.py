"""A probe in a folder, removed again in any case."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.doctor.places import PROBE_PREFIX, Shelter
from pywats_archive.portable import names

_STALE_S = 3600.0


class ProbeLeft(OSError):
    """A probe that could not be removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A place for trials: a hidden folder, or hidden files with one token where folders are sources."""

    folder: Path
    """Where its files lie; what is synced."""
    shelter: Shelter
    token: str = field(default_factory=lambda: PROBE_PREFIX + secrets.token_hex(8))

    def path(self, name: str) -> Path:
        """Return a path that only the probe uses."""
        return self.folder / (name if self.shelter is Shelter.FOLDER else self.token + name)

    def room_bytes(self) -> int:
        """Return how many bytes of a name the probe needs."""
        return 0 if self.shelter is Shelter.FOLDER else len(self.token)

    def write(self, name: str, data: bytes = b"probe\n", mode: int = 0o600) -> Path:
        """Create a new file; FileExistsError if it exists."""
        path = self.path(name)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, mode), "wb") as stream:
            stream.write(data)
        return path


@contextmanager
def laid(folder: Path, shelter: Shelter) -> Iterator[Probe]:
    """Create a probe in ``folder`` and remove it; OSError if it cannot be created, ProbeLeft if it cannot be removed.

    Old probes of a process that was killed are removed too.
    """
    outer = Probe(folder=folder, shelter=shelter)
    probe = outer
    if shelter is Shelter.FOLDER:
        (folder / outer.token).mkdir(mode=0o700)
        probe = Probe(folder=folder / outer.token, shelter=shelter, token=outer.token)
    try:
        yield probe
    finally:
        _sweep(folder, outer.token)


def _sweep(folder: Path, token: str) -> None:
    """Remove a probe, and old ones that were left; both compared times are from the folder's file system."""
    with os.scandir(folder) as listing:
        items = [item for item in listing if item.name.startswith(PROBE_PREFIX)]
    own = [item for item in items if item.name.startswith(token)]
    now_s = max((item.stat(follow_symlinks=False).st_mtime for item in own), default=0.0)
    for item in items:
        with suppress(FileNotFoundError):
            is_own = item in own
            if is_own or now_s - item.stat(follow_symlinks=False).st_mtime > _STALE_S:
                _remove(Path(item.path), is_own=is_own)


def _remove(path: Path, *, is_own: bool) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            names.remove_tree(path)
        else:
            names.unlink(path)
    except FileNotFoundError:
        raise
    except OSError as exc:
        if is_own:
            raise ProbeLeft(exc.errno, exc.strerror, str(path)) from exc
