"""The folder or zip that a bag is written into, file by file."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from pywats_archive.portable import files, names

_LARGE = 1 << 30
"""Of a file that may be larger than this, the sizes in a zip get 64 bits."""
_FIRST_S, _LAST_S = 315_532_800, 4_354_819_198
"""The times that a zip can hold: 1980 to 2107."""
State = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A file that was written."""

    size_bytes: int
    sha256: str


class Container(Protocol):
    """Takes the files of a bag. Files written after the last ``sync`` may be lost in a crash, and are then written again."""

    def begin(self, folder: str) -> None:
        """Forget what an earlier call left in this folder."""

    def put(self, name: str, chunks: Iterable[bytes], *, size_bytes: int, mtime_ns: int) -> Written:
        """Write a file; nothing of it stays after an error of ``chunks``."""

    def sync(self) -> State:
        """Make all that was written durable; returns the state with which a later call resumes."""

    def close(self) -> None:
        """Complete the bag, durably."""


class FolderContainer:
    """A bag as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unsynced: list[Path] = []
        root.mkdir(exist_ok=True)

    def begin(self, folder: str) -> None:
        """Remove the folder."""
        if (self._root / folder).exists():
            names.remove_tree(self._root / folder)

    def put(self, name: str, chunks: Iterable[bytes], *, size_bytes: int, mtime_ns: int) -> Written:
        """Write a file; an earlier one with this name is replaced."""
        path, digest, size = self._root / name, hashlib.sha256(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as stream:
                for chunk in chunks:
                    digest.update(chunk)
                    size += stream.write(chunk)
        except BaseException:
            names.unlink(path, missing_ok=True)
            raise
        _set_time(path, mtime_ns)
        self._unsynced.append(path)
        return Written(size_bytes=size, sha256=digest.hexdigest())

    def sync(self) -> State:
        """Make files, and the folders that name them, durable."""
        for path in self._unsynced:
            files.sync_file(path)
        above = {parent for path in self._unsynced for parent in path.parents if parent.is_relative_to(self._root)}
        for folder in above:
            files.sync_folder(folder)
        self._unsynced.clear()
        return {}

    def close(self) -> None:
        """Make all durable."""
        self.sync()


class ZipContainer:
    """A bag as a zip with one folder, as RFC 8493 has it."""

    def __init__(self, stream: IO[bytes], folder: str, known: Sequence[zipfile.ZipInfo] = ()) -> None:
        """``known``: the files that the stream has already, which stands at their end."""
        self._folder = folder
        self._fresh: list[zipfile.ZipInfo] = []
        self._stream = stream
        self._zip = zipfile.ZipFile(self._stream, "w", zipfile.ZIP_DEFLATED)
        for info in known:
            self._zip.filelist.append(info)
            self._zip.NameToInfo[info.filename] = info

    @classmethod
    def resumed(cls, path: Path, folder: str, states: Iterable[State]) -> ZipContainer:
        """Open a zip that ends with the last file that ``states`` know; what lies behind it is removed."""
        known = [_info(each) for state in states for each in state["members"]]
        at = _end_of(path, known[-1]) if known else 0
        stream = path.open("r+b" if path.exists() else "x+b")
        stream.truncate(at)
        stream.seek(at)
        return cls(stream, folder, known)

    def begin(self, folder: str) -> None:
        """Do nothing: the rest of an earlier call was truncated."""

    def put(self, name: str, chunks: Iterable[bytes], *, size_bytes: int, mtime_ns: int) -> Written:
        """Add a file."""
        digest, size, at = hashlib.sha256(), 0, self._zip.start_dir
        info = zipfile.ZipInfo(f"{self._folder}/{name}", _date(mtime_ns))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        try:
            with self._zip.open(info, "w", force_zip64=size_bytes > _LARGE) as stream:
                for chunk in chunks:
                    digest.update(chunk)
                    size += stream.write(chunk)
        except BaseException:
            self._drop(info, at)
            raise
        self._fresh.append(info)
        return Written(size_bytes=size, sha256=digest.hexdigest())

    def _drop(self, info: zipfile.ZipInfo, at: int) -> None:
        if self._zip.NameToInfo.pop(info.filename, None):
            self._zip.filelist.remove(info)
        self._stream.truncate(at)
        self._zip.start_dir = at

    def sync(self) -> State:
        """Make the zip durable up to here."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        members = [_values(each) for each in self._fresh]
        self._fresh.clear()
        return {"members": members}

    def close(self) -> None:
        """Write the list of files, and make the zip durable."""
        self._zip.close()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def _set_time(path: Path, mtime_ns: int) -> None:
    try:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    except (OverflowError, ValueError, OSError):
        return  # the system cannot have this time; the manifest has it


def _date(mtime_ns: int) -> tuple[int, int, int, int, int, int]:
    seconds = min(max(mtime_ns // 10**9, _FIRST_S), _LAST_S)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return year, month, day, hour, minute, second


def _values(info: zipfile.ZipInfo) -> list[Any]:
    sizes = [info.CRC, info.compress_size, info.file_size, info.header_offset]
    return [info.filename, list(info.date_time), info.flag_bits, *sizes]


def _info(values: list[Any]) -> zipfile.ZipInfo:
    name, date, flags, crc, compressed, size, offset = values
    info = zipfile.ZipInfo(name, tuple(date))
    info.compress_type, info.external_attr, info.flag_bits = zipfile.ZIP_DEFLATED, 0o644 << 16, flags
    info.CRC, info.compress_size, info.file_size, info.header_offset = crc, compressed, size, offset
    return info


def _end_of(path: Path, info: zipfile.ZipInfo) -> int:
    """Return where a member of a zip ends: behind its local header (APPNOTE 4.3.7), name, extra field and data."""
    with path.open("rb") as stream:
        stream.seek(info.header_offset + 26)
        name, extra = (int.from_bytes(stream.read(2), "little") for _ in range(2))
    return info.header_offset + 30 + name + extra + info.compress_size
