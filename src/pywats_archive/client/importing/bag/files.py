"""The files of a bag, in a folder or a zip. A name that leads elsewhere, a link or a zip bomb is refused."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pywats_archive.errors import BagRefused

BAGIT = "bagit.txt"
_PIECE = 1 << 20
_LONGEST = 4_096
_MOST_RATIO, _FROM_BYTES = 250, 100_000_000
"""A zip that unpacks to more than ``_FROM_BYTES`` and to so many times its size is refused; log files reach about 50."""
_DEFLATE_MOST = 1_032
"""The greatest compression ratio of deflate (zlib, "Technical Details")."""
_UNPACKED_IN_PIECES = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of bzip2 and LZMA, ``zipfile`` unpacks a piece whole, whatever it unpacks to."""
_DRIVE = re.compile(r"[A-Za-z]:")


class BagFiles(Protocol):
    """The files of a bag, by their path in it."""

    def names(self) -> Iterator[str]:
        """Stream the paths of all files; BagRefused for anything else than a file or a folder."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream a file."""


def require_inside(name: str) -> str:
    """Return a path of a bag; BagRefused if it could lead out of the bag, on any system."""
    parts = name.split("/")
    is_bad = any(part in ("", ".", "..") for part in parts) or _DRIVE.match(name) or len(name) > _LONGEST
    if is_bad or "\\" in name or not all(c.isprintable() for c in name):
        raise BagRefused(f"{name[:80]!a}: is no path of a bag; nothing is imported")
    return name


@contextmanager
def opened(bag: Path) -> Iterator[BagFiles]:
    """Open a bag; BagRefused if it is none."""
    try:
        if bag.is_dir():
            yield FolderFiles(bag)
        else:
            with zipfile.ZipFile(bag) as packed:
                yield ZipFiles(packed, bag)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as exc:
        raise BagRefused(f"{bag}: is neither a bag nor a zip of one ({exc})") from exc
    except OSError as exc:
        raise BagRefused(f"{bag}: cannot be read ({exc.strerror or exc})") from exc


def is_bag(path: Path) -> bool:
    """Whether a path looks like a bag: a folder with ``bagit.txt``, or a file."""
    return (path / BAGIT).is_file() or path.is_file()


class FolderFiles:
    """A bag as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        if not (root / BAGIT).is_file():
            raise BagRefused(f"{root}: is no bag, since {BAGIT} is missing; for a Done folder use --done")

    def names(self) -> Iterator[str]:
        """Stream all files, in no order."""
        folders = [""]
        while folders:
            folder = folders.pop()
            with os.scandir(self._root / folder) as found:
                for each in found:
                    name = f"{folder}{each.name}"
                    if each.is_dir(follow_symlinks=False) and not each.is_symlink():
                        folders.append(f"{name}/")
                    elif each.is_file(follow_symlinks=False):
                        yield name
                    else:
                        raise BagRefused(f"{self._root / name}: is a link or a device; nothing is imported")

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self._root / require_inside(name)).is_file()

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream a file, which must be no link."""
        path = self._root / require_inside(name)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise BagRefused(f"{path}: is no file; nothing is imported")
            while piece := stream.read(_PIECE):
                yield piece


class ZipFiles:
    """A bag in a zip, at its top or in its only folder."""

    def __init__(self, packed: zipfile.ZipFile, path: Path) -> None:
        self._zip = packed
        self._path = path
        members = [each for each in packed.infolist() if not each.is_dir()]
        self._require_harmless(members)
        tops = {each.filename.partition("/")[0] for each in members}
        self._top = "" if BAGIT in packed.NameToInfo else f"{next(iter(tops), '')}/"
        if f"{self._top}{BAGIT}" not in packed.NameToInfo or (self._top and len(tops) > 1):
            raise BagRefused(f"{path}: is no bag, since {BAGIT} is missing")
        if len({each.filename for each in members}) != len(members):
            raise BagRefused(f"{path}: has two files of one name; nothing is imported")

    def _require_harmless(self, members: list[zipfile.ZipInfo]) -> None:
        size = self._path.stat().st_size
        whole = sum(each.file_size for each in members)
        lies = any(each.file_size > _DEFLATE_MOST * each.compress_size + 64 for each in members)
        if lies or sum(each.compress_size for each in members) > size:
            raise BagRefused(f"{self._path}: its sizes cannot be true; nothing is imported")
        if whole > _FROM_BYTES and whole > _MOST_RATIO * size:
            raise BagRefused(
                f"{self._path}: would unpack to {whole / size:,.0f} times its size; if you trust it, unpack it and import the "
                "folder"
            )
        for each in members:
            kind = stat.S_IFMT(each.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or each.flag_bits & 1:
                raise BagRefused(
                    f"{self._path}: {each.filename[:80]!a} is a link, a device or encrypted; nothing is imported"
                )
            if each.compress_type not in _UNPACKED_IN_PIECES:
                raise BagRefused(
                    f"{self._path}: {each.filename[:80]!a} is compressed in another way than by deflate; pack the bag again"
                )
            require_inside(each.filename)

    def names(self) -> Iterator[str]:
        """Stream all files."""
        for each in self._zip.infolist():
            if not each.is_dir():
                yield each.filename[len(self._top) :]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._top + name in self._zip.NameToInfo

    def chunks(self, name: str) -> Iterator[bytes]:
        """Stream a file."""
        try:
            with self._zip.open(self._top + require_inside(name)) as stream:
                while piece := stream.read(_PIECE):
                    yield piece
        except (KeyError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError) as exc:
            raise BagRefused(f"{self._path}: {name[:80]!a} cannot be read ({exc})") from exc
        except Exception as exc:
            if type(exc).__module__ == "zlib":
                raise BagRefused(f"{self._path}: {name[:80]!a} is damaged ({exc})") from exc
            raise
