"""Zip files of sources, read back before the source is removed."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pywats_archive.archive.sources import reading
from pywats_archive.portable import moving
from pywats_archive.portable.placing import free_names, publish

_LAST_IN_ZIP = (2107, 12, 31, 23, 59, 59)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedSource:
    """A file or folder at ``path``, which has another name there than in its zip."""

    path: Path
    name: str

    def files(self) -> Iterator[tuple[Path, str]]:
        """Yield its files, each with its name in the zip."""
        if not self.path.is_dir():
            yield self.path, _zip_name(self.name)
            return
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield file, _zip_name(f"{self.name}/{file.relative_to(self.path).as_posix()}")


def zip_of_earlier(source: NamedSource, folder: Path) -> Path | None:
    """Return the zip that an earlier try made of this source, if any, before it could remove the source."""
    for name in free_names(f"{source.name}.zip"):
        if not os.path.lexists(folder / name):
            return None
        if _contains(folder / name, source):
            return folder / name
    raise AssertionError("unreachable: names never run out")


def new_zip(source: NamedSource, folder: Path, partial: Path) -> Path:
    """Zip a source into ``folder`` by way of ``partial``, durable and read back; returns the path of the zip."""
    try:
        with partial.open("x+b") as stream:
            partial.chmod(0o600)
            _write_zip(source, stream)
            stream.flush()
            os.fsync(stream.fileno())
        with zipfile.ZipFile(partial) as packed:
            if damaged := packed.testzip():
                raise OSError(errno.EIO, f"the zip cannot be read back ({damaged} is damaged)")
        return publish(partial, folder, f"{source.name}.zip")
    finally:
        moving.discard(partial)


def _contains(packed: Path, source: NamedSource) -> bool:
    """Whether a zip contains each file of ``source``, with its current size, time and checksum."""
    try:
        with zipfile.ZipFile(packed) as zipped:
            contents = {info.filename: (info.file_size, info.date_time, info.CRC) for info in zipped.infolist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return all(contents.get(name) == _as_zipped(file) for file, name in source.files())


def _as_zipped(file: Path) -> tuple[int, tuple[int, ...], int]:
    info, crc = _zip_info(file, file.name), 0
    seconds = info.date_time[5] // 2 * 2  # the precision of a zip
    for chunk in reading.read_file(file):
        crc = zlib.crc32(chunk, crc)
    return info.file_size, (*info.date_time[:5], seconds), crc


def _write_zip(source: NamedSource, stream: IO[bytes]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
        for file, name in source.files():
            info = _zip_info(file, name)
            with file.open("rb") as content, packed.open(info, "w") as zipped:
                shutil.copyfileobj(content, zipped, reading.CHUNK_BYTES)


def _zip_info(file: Path, name: str) -> zipfile.ZipInfo:
    """Return the zip entry for a file; an invalid time becomes the last one that a zip can store."""
    try:
        info = zipfile.ZipInfo.from_file(file, name, strict_timestamps=False)
    except (OSError, OverflowError, ValueError):
        status = file.stat()  # if the file is gone, this raises the error to report
        info = zipfile.ZipInfo(name, _LAST_IN_ZIP)
        info.file_size, info.external_attr = status.st_size, (status.st_mode & 0xFFFF) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _zip_name(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
