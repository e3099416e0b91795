"""A vault in a folder, best on a file server: each object is a file that was written, fsynced, then named."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from pywats_archive.errors import KeyMissing, KeyTaken, VaultAway, VaultRefused
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import files, names
from pywats_archive.vault.store import MARKER, StoredKey, checked

_PIECE = 1 << 20
_FOLDER_MODE, _FILE_MODE = 0o750, 0o440
"""The group that the folder was given to may read: the plant's index runs under an account of its own."""
_ABANDONED_S, _FORGOTTEN_S = 60, 86_400
"""Ages of an empty file that only reserves a name, and of a partial file, by the clock of the file server."""


class FolderVault:
    """Objects as files below ``root``. Until ``vault.json`` is there, nothing but this file is written or read.

    A share that is not mounted has no ``vault.json``: its vault is away, and its mount point stays empty.
    """

    def __init__(self, root: Path, *, on_step: OnStep = no_step) -> None:
        self.url = str(root)
        self._root = root
        self._on_step = on_step
        self._known: set[Path] = set()

    def put_new(self, key: str, content: bytes) -> None:
        """Store an object durably, under a new key; KeyTaken if the vault has one there."""
        self._put(key, [content])

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any size as ``put_new`` does; the bytes stream. OSError if ``path`` cannot be read."""
        with path.open("rb") as stream:
            self._put(key, iter(lambda: stream.read(_PIECE), b""))

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read ``length`` bytes from ``start`` on, or all; fewer where the object ends before. KeyMissing if there is none."""
        with self._translated(key), self._path(key).open("rb") as stream:
            stream.seek(start)
            return self._found(key, stream.read(-1 if length is None else length), start=start)

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces; KeyMissing if there is none."""
        with self._translated(key), self._path(key).open("rb") as stream:
            yield self._found(key, stream.read(_PIECE))
            while piece := stream.read(_PIECE):
                yield piece

    def size_of(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if there is none."""
        try:
            with self._translated(key):
                return self._path(key).stat().st_size or None
        except KeyMissing:
            return None

    def try_remove(self, key: str) -> bool:
        """Remove an object of a trial; False if the account may not, as it should be."""
        try:
            with self._translated(key):
                names.unlink(self._path(key))
        except VaultRefused:
            return False
        return True

    def locked_until(self, key: str) -> datetime | None:
        """Return None: a folder has no lock."""

    def keys(self, prefix: str, *, after: str = "") -> Iterator[StoredKey]:
        """Yield the objects below a folder (``""``: all of them), in a folder by name, those after ``after`` only."""
        with self._translated(prefix or MARKER):
            self._require_marker()
            yield from self._below(self._path(prefix) if prefix else self._root, prefix, after)

    def _below(self, folder: Path, prefix: str, after: str) -> Iterator[StoredKey]:
        for name, each in _in_order(folder):
            key = f"{prefix}/{name}" if prefix else name
            if name.endswith("/"):
                if key + "\U0010ffff" > after:
                    yield from self._below(folder / each.name, key.rstrip("/"), after)
            elif key > after and not name.startswith(".") and (status := each.stat()).st_size:
                at = datetime.fromtimestamp(status.st_mtime, timezone.utc)
                yield StoredKey(key=key, size_bytes=status.st_size, at=at)

    def _put(self, key: str, chunks: Iterable[bytes]) -> None:
        target = self._path(key)
        partial = target.with_name(f".{secrets.token_hex(8)}.part")
        with self._translated(key):
            if key != MARKER:
                self._require_marker()
            self._make(target.parent)
            try:
                self._write(partial, chunks)
                self._publish(partial, target)
            finally:
                names.unlink(partial, missing_ok=True)

    def _write(self, partial: Path, chunks: Iterable[bytes]) -> None:
        self._on_step("open")
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), _FILE_MODE)
        with os.fdopen(descriptor, "wb") as stream:
            for chunk in chunks:
                self._on_step("write")
                stream.write(chunk)
            stream.flush()
            self._on_step("fsync")
            os.fsync(stream.fileno())

    def _publish(self, partial: Path, target: Path) -> None:
        """Rename a finished file to its name; FileExistsError if the name is taken, and then that name is durable."""
        written = partial.stat().st_mtime
        self._on_step("publish")
        try:
            files.rename_exclusive(partial, target)
        except FileExistsError:
            if not _is_abandoned(target, written):
                files.sync_folder(target.parent)
                raise
            names.replace(partial, target)
        self._on_step("fsync_folder")
        files.sync_folder(target.parent)
        if target.parent not in self._known:
            self._known.add(target.parent)
            _remove_forgotten(target.parent, written)

    def _make(self, folder: Path) -> None:
        """Create a folder with those above it, the root itself included, durably; none of them may be a link."""
        if folder in self._known and folder.is_dir():
            return
        way = [self._root, *(self._root.joinpath(*parts) for parts in _ways(folder.relative_to(self._root)))]
        for each in way:
            if not each.is_dir():
                self._on_step("mkdir")
                with suppress(FileExistsError):
                    each.mkdir(mode=_FOLDER_MODE)
                self._on_step("fsync_folder")
                files.sync_folder(each.parent)
            if each != self._root and files.is_link(each):
                raise VaultRefused(f"{each}: is a link to another place, and a vault follows none; remove the link")

    def _require_marker(self) -> None:
        if not self._root.parent.is_dir():
            raise VaultAway(f"{self._root.parent}: there is no such folder; mount the share there, or correct the path")
        if not (self._root / MARKER).is_file():
            raise VaultAway(
                f"{self._root}: has no {MARKER}; mount the share there, or create a vault with 'pywats-archive vault init'"
            )

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*checked(key).split("/"))

    def _found(self, key: str, content: bytes, *, start: int = 0) -> bytes:
        """Return what was read; an empty file only reserves a name."""
        if not content and not start:
            raise KeyMissing(f"{self.url}: has no {key}")
        return content

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError as exc:
            raise KeyTaken(f"{self.url}: has {key} already; nothing was replaced") from exc
        except FileNotFoundError as exc:
            self._require_marker()
            raise KeyMissing(f"{self.url}: has no {key}") from exc
        except PermissionError as exc:
            raise VaultRefused(
                f"{exc.filename or self.url}: {exc.strerror}; let this account read and create files there"
            ) from exc
        except OSError as exc:
            raise VaultAway(
                f"{exc.filename or self.url}: {exc.strerror or exc}; the vault is tried again later"
            ) from exc


def _in_order(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """List a folder as a bucket would: folders by their name with a slash; nothing if there is none."""
    try:
        with os.scandir(folder) as found:
            return sorted((f"{each.name}/" if each.is_dir() else each.name, each) for each in found)
    except FileNotFoundError:
        return []


def _ways(folder: Path) -> Iterator[tuple[str, ...]]:
    for end in range(1, len(folder.parts) + 1):
        yield folder.parts[:end]


def _is_abandoned(target: Path, now: float) -> bool:
    """Whether a file only reserves its name, since its process was killed: where a share has no hard links."""
    status = target.stat()
    return status.st_size == 0 and now - status.st_mtime > _ABANDONED_S


def _remove_forgotten(folder: Path, now: float) -> None:
    """Remove partial files that processes which were killed left long ago."""
    with suppress(OSError):
        for each in folder.glob(".*.part"):
            if now - each.stat().st_mtime > _FORGOTTEN_S:
                names.unlink(each, missing_ok=True)
