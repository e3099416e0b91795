"""Zips that a post action made of one file: the file comes back under its own name."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.imported.todo import Packed
from pywats_archive.archive.sources import reading

_ENCRYPTED, _DESCRIBED_AFTER = 0x1, 0x8
_LOCAL, _CENTRAL = struct.Struct("<26xHH"), struct.Struct("<28xHHH12x")
"""The header before a file and the one in the directory: the lengths of what follows it."""
_END_BYTES, _MOST_END_BYTES = 22, 98
"""The record at the end of a zip, and with those of a zip beyond 4 GB before it."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError)
"""Errors of a damaged zip, or of one that zipfile cannot read."""
_NO_NAMES = (".", "..")


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """The only file in a zip."""

    name: str
    size_bytes: int
    modified: datetime | None
    """As the zip has it: local time, to two seconds; None if it is no time."""


def only_member(path: Path) -> Member | None:
    """Return the file that was zipped as ``path``; None for any other zip, which is a source of its own. OSError as reading.

    A zip with a comment, or with bytes beside its file, is a source of its own too: unpacking would lose them.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            members = zipped.infolist()
            is_only_one = len(members) == 1 and not zipped.comment
            if not is_only_one or not _is_zipped_as(members[0], path) or zipped.testzip() is not None:
                return None
            if not _is_filled(zipped, members[0]):
                return None
    except (*_UNREADABLE, ValueError, struct.error):
        return None
    except OSError as exc:
        if exc.errno is not None:
            raise
        return None  # bz2 says so of damaged content
    return Member(name=members[0].filename, size_bytes=members[0].file_size, modified=_moment(members[0]))


def packed(path: Path, name: str, size_bytes: int) -> Packed:
    """Return how the only file of a zip is unpacked."""
    return Packed(
        name=path.name, size_bytes=size_bytes, chunks=lambda: _unpacked(path, name), sha256=lambda: _sha256(path)
    )


def _is_zipped_as(member: zipfile.ZipInfo, path: Path) -> bool:
    name = member.filename
    is_bare = bool(name) and not member.comment and member.header_offset == 0
    is_plain = is_bare and not member.is_dir() and not member.flag_bits & _ENCRYPTED
    is_one_name = not any(sign in name for sign in "/\\\0") and name not in _NO_NAMES
    return is_plain and is_one_name and (path.stem == name or path.stem == Path(name).stem)


def _is_filled(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether the file and the records that describe it are all that the zip has, from its first byte to its last."""
    assert zipped.fp is not None
    file, directory = zipped.fp, zipped.start_dir
    file.seek(0)
    content = _LOCAL.size + sum(_LOCAL.unpack(file.read(_LOCAL.size)))
    file.seek(directory)
    end = directory + _CENTRAL.size + sum(_CENTRAL.unpack(file.read(_CENTRAL.size)))
    file.seek(end)
    records = file.read(_MOST_END_BYTES + 1)
    file.seek(content + member.compress_size)
    between = file.read(min(max(directory - file.tell(), 0), _MOST_END_BYTES))
    is_end = records[:4] == b"PK\x05\x06" and len(records) == _END_BYTES
    is_large_end = records[:4] == b"PK\x06\x06" and len(records) == _MOST_END_BYTES
    begins_after = file.tell() == directory and between in _descriptors(member)
    return begins_after and (is_end or is_large_end)


def _descriptors(member: zipfile.ZipInfo) -> tuple[bytes, ...]:
    """Return what may follow the bytes of a file: nothing, or its checksum and sizes if they were not known before."""
    if not member.flag_bits & _DESCRIBED_AFTER:
        return (b"",)
    sizes = (member.CRC, member.compress_size, member.file_size)
    plain = [struct.pack(form, *sizes) for form in ("<LLL", "<LQQ") if form == "<LQQ" or max(sizes) < 1 << 32]
    return (*plain, *(b"PK\x07\x08" + each for each in plain))


def _moment(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def _unpacked(path: Path, name: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(path) as zipped, zipped.open(name) as content:
            while chunk := content.read(reading.CHUNK_BYTES):
                yield chunk
    except (*_UNREADABLE, KeyError) as exc:
        raise ValueError(f"the zip is damaged: {exc}") from exc


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for chunk in reading.read_file(path):
        digest.update(chunk)
    return digest.hexdigest()
