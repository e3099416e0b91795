"""A bag compared with its manifests: every file that they name is there and unchanged, and there is no other one."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.client.importing.bag.files import BAGIT, BagFiles, require_inside
from pywats_archive.errors import BagRefused
from pywats_archive.portable.scratch import Scratch

MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_LONGEST_LINE, _MOST_TAG_BYTES = 8_192, 1_000_000
_VERSIONS = ("0.97", "1.0")
_RECORD = "data/%/entry.json"


class CheckedBag:
    """The files of a bag that its manifest names, with their checksums; the list of them is in a temporary file."""

    def __init__(self, files: BagFiles, path: Path, list_: sqlite3.Connection) -> None:
        self.files = files
        self.path = path
        self._list = list_

    def sha256(self, name: str) -> str | None:
        """Return the checksum of a file in the payload; None if there is no such file."""
        row = self._list.execute("SELECT sha256 FROM files WHERE path = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def size_bytes(self, name: str) -> int | None:
        """Return the size of a file in the payload, as it was read; None if there is no such file."""
        row = self._list.execute("SELECT size_bytes FROM files WHERE path = ?", (name,)).fetchone()
        return int(row[0]) if row else None

    def records(self) -> Iterator[str]:
        """Stream the paths of the records of entries, in their order."""
        after = ""
        while True:
            query = "SELECT path FROM files WHERE path LIKE ? AND path > ? ORDER BY path LIMIT 500"
            found = [str(path) for (path,) in self._list.execute(query, (_RECORD, after))]
            if not found:
                return
            yield from found
            after = found[-1]


@contextmanager
def checked(files: BagFiles, path: Path, *, on_file: Callable[[int], None]) -> Iterator[CheckedBag]:
    """Check a bag whole, and yield it; BagRefused says what is wrong. ``on_file`` is called for each file that was read."""
    with Scratch().folder() as folder:
        list_ = sqlite3.connect(folder / "files.db", isolation_level=None, check_same_thread=False)
        try:
            list_.execute("PRAGMA journal_mode = OFF")
            list_.execute(
                "CREATE TABLE files (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size_bytes INTEGER) WITHOUT ROWID"
            )
            list_.execute("BEGIN")
            _Check(files, path, list_, on_file).run()
            list_.execute("COMMIT")
            yield CheckedBag(files, path, list_)
        finally:
            list_.close()


class _Check:
    """Checks one bag."""

    def __init__(self, files: BagFiles, path: Path, list_: sqlite3.Connection, on_file: Callable[[int], None]) -> None:
        self._files = files
        self._path = path
        self._list = list_
        self._on_file = on_file

    def run(self) -> None:
        """Check the declaration, the files around the payload, then the payload."""
        self._declaration()
        if self._files.has("fetch.txt"):
            raise self._refused("fetch.txt names files that lie elsewhere, and none is fetched")
        if self._files.has(TAG_MANIFEST):
            for sha256, name in self._lines(TAG_MANIFEST):
                self._compare(name, sha256)
        self._payload()

    def _declaration(self) -> None:
        text = b"".join(self._small(BAGIT)).decode("utf-8", "replace")
        version = re.match(r"BagIt-Version: *(\S+)\s", text)
        if version is None or version[1] not in _VERSIONS:
            raise self._refused(f"{BAGIT} names no version of BagIt that is known ({', '.join(_VERSIONS)})")

    def _small(self, name: str) -> Iterator[bytes]:
        size = 0
        for piece in self._files.chunks(name):
            size += len(piece)
            if size > _MOST_TAG_BYTES:
                raise self._refused(f"{name} is far too long")
            yield piece

    def _payload(self) -> None:
        if not self._files.has(MANIFEST):
            raise self._refused(f"{MANIFEST} is missing")
        for sha256, name in self._lines(MANIFEST):
            if not name.startswith("data/"):
                raise self._refused(f"{MANIFEST} names {name[:80]!a}, which is not below data")
            try:
                self._list.execute("INSERT INTO files VALUES (?, ?, NULL)", (name, sha256))
            except sqlite3.IntegrityError as exc:
                raise self._refused(f"{MANIFEST} names {name[:80]!a} twice") from exc
        for name in self._files.names():
            if name.startswith("data/"):
                self._file(require_inside(name))
        missing = self._list.execute("SELECT path FROM files WHERE size_bytes IS NULL ORDER BY path LIMIT 1").fetchone()
        if missing:
            raise self._refused(f"{missing[0][:200]!a} is missing")

    def _file(self, name: str) -> None:
        row = self._list.execute("SELECT sha256 FROM files WHERE path = ?", (name,)).fetchone()
        if row is None:
            raise self._refused(f"{name[:200]!a} is in no manifest")
        size_bytes = self._compare(name, row[0])
        self._list.execute("UPDATE files SET size_bytes = ? WHERE path = ?", (size_bytes, name))
        self._on_file(1)

    def _compare(self, name: str, sha256: str) -> int:
        """Read a file, which must have this checksum; returns its size."""
        if not self._files.has(name):
            raise self._refused(f"{name[:200]!a} is missing")
        digest, size_bytes = hashlib.sha256(), 0
        for piece in self._files.chunks(name):
            digest.update(piece)
            size_bytes += len(piece)
        if digest.hexdigest() != sha256:
            raise self._refused(f"{name[:200]!a} is not what its manifest says")
        return size_bytes

    def _lines(self, name: str) -> Iterator[tuple[str, str]]:
        """Stream the checksums and paths of a manifest, one line in memory at a time."""
        rest = b""
        for piece in self._files.chunks(name):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise self._refused(f"{name} has a line that is far too long")
            yield from (self._line(line, name) for line in lines if line.strip())
        if rest.strip():
            yield self._line(rest, name)

    def _line(self, line: bytes, of: str) -> tuple[str, str]:
        try:
            found = _LINE.fullmatch(line.decode("utf-8").rstrip("\r"))
        except UnicodeDecodeError:
            found = None
        if found is None:
            raise self._refused(f"{of} has a line that is none of a manifest: {line[:80]!a}")
        path = re.sub("%(0[AaDd]|25)", lambda each: chr(int(each[1], 16)), found[2]).removeprefix("./")
        return found[1].lower(), require_inside(path)

    def _refused(self, why: str) -> BagRefused:
        return BagRefused(f"{self._path}: {why}; nothing is imported")
