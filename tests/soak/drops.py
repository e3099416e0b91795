"""What is dropped: files and folders with random names and contents, each of which can be told from all others."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

CONVERTERS = """
import random, shutil

class Soak(Any):
    def outcome(self, source, context):
        token = source.path.read_bytes()[:10].decode()
        if token.endswith("f"):
            raise ValueError("this one fails: " + token)
        if token.endswith("p") and random.random() < 0.6:
            return ConverterResult.suspended_result("not yet", retry_after=timedelta(seconds=0.2))
        if token.endswith("n"):
            both = [{k: v for k, v in report(sn).items() if v is not None} for sn in (token, token + "-2")]
            return ConverterResult.success_result(reports=both)
        return ConverterResult.success_result(report={k: v for k, v in report(token).items() if v is not None})

class SoakFolder(FolderConverter):
    name = property(lambda self: "SoakFolder")
    def convert(self, source, context):
        token = (source.folder_path / "0.txt").read_bytes()[:10].decode()
        return ConverterResult.success_result(report={k: v for k, v in report(token).items() if v is not None})
"""
"""By the last letter of its token a source succeeds (s), fails (f), is suspended for a while (p) or has two reports (n)."""

LINES = {
    "move": {"post_action": "move"},
    "zip": {"post_action": "zip"},
    "delete": {"post_action": "delete"},
    "remove": {"post_action": "archive"},
    "keep": {"post_action": "keep"},
    "folder": {"post_action": "move", "converter_type": "folder"},
    "fixed": {"post_action": "move"},
    "left": {"post_action": "move"},
    "right": {"post_action": "move"},
}
SWAPPED = ("left", "right")
"""Converters that exchange their watch folders now and then: what is dropped for one may be the other's."""
REWRITTEN = "fixed"
"""The converter whose tester writes every unit under one name, over the one before."""
_NAMES = ("unit", "SN 4711", "Prüfling", "a.b.c", "日本", "noext", "-dash", ".hidden")
_ENDINGS = (".log", ".csv", ".LOG", "", ".tar.gz")


@dataclass(frozen=True, kw_only=True)
class Drop:
    """One source as it was dropped."""

    line: str
    token: str
    content: dict[str, bytes]
    """By path within a folder; a file's is its only one, under the empty name."""

    @property
    def serial_numbers(self) -> set[str]:
        """The serial numbers of the reports that it is converted to."""
        return {"f": set(), "n": {self.token, f"{self.token}-2"}}.get(self.token[-1], {self.token})

    @property
    def size_bytes(self) -> int:
        """The size of all of it."""
        return sum(map(len, self.content.values()))


class Dropper:
    """Drops one source after the other, as the random numbers will have it."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self._root = root
        self._rng = rng
        self._number = 0
        self._rewritten = RewrittenFile(root, rng)
        self._writers: list[threading.Thread] = []

    def drop(self) -> Drop:
        """Drop a file or folder into one of the watch folders, at once, bit by bit, or over another one."""
        self._number += 1
        lines = [line for line in LINES if line != REWRITTEN or self._rewritten.may_be_replaced()]
        line = self._rng.choice(lines)
        token = f"{self._number:09d}{self._rng.choice('sssssfpn') if line != 'folder' else 's'}"
        if line == "folder":
            return self._folder(token)
        size = self._rng.choice((0, 20, 3_000, 60_000, 60_000, 1_500_000 if self._number % 10 == 0 else 500))
        content = token.encode() + self._rng.randbytes(size)
        if line == REWRITTEN:
            self._rewritten.write(content)
        else:
            self._write(self._free(line), content)
        return Drop(line=line, token=token, content={"": content})

    def close(self) -> None:
        """Wait until the last file that is written slowly is whole."""
        for writer in self._writers:
            writer.join()

    def _free(self, line: str) -> Path:
        """A name in the watch folder; often one that another source had before."""
        while True:
            numbered = str(self._rng.randrange(40)) if self._rng.random() < 0.8 else str(self._number)
            name = self._rng.choice(_NAMES) + numbered + self._rng.choice(_ENDINGS)
            path = self._root / line / "watch" / name
            if not os.path.lexists(path):
                return path

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file in one step, in pieces, or slowly by a tester that holds it open longer than it takes to look quiet."""
        way = self._rng.random()
        if way < 0.8:
            whole = self._root / "dropping"
            whole.write_bytes(content)
            whole.rename(path)
        elif way < 0.9:
            _write_in_pieces(path, content, pause_s=0.03)
        else:
            pause_s = self._rng.uniform(0.3, 1.2)
            path.touch(exist_ok=False)
            writer = threading.Thread(target=_write_in_pieces, args=(path, content), kwargs={"pause_s": pause_s})
            writer.start()
            self._writers.append(writer)

    def _folder(self, token: str) -> Drop:
        whole = self._root / "dropping folder"
        (whole / "deep").mkdir(parents=True)
        content = {f"{n}.txt": token.encode() + self._rng.randbytes(200) for n in range(self._rng.randrange(1, 6))}
        content["deep/last.txt"] = self._rng.randbytes(50)
        for name, body in content.items():
            (whole / name).write_bytes(body)
        (whole / "COMPLETE.marker").write_bytes(b"")
        whole.rename(self._free("folder"))
        return Drop(line="folder", token=token, content={**content, "COMPLETE.marker": b""})


def _write_in_pieces(path: Path, content: bytes, *, pause_s: float) -> None:
    with path.open("ab") as stream:
        for piece in _thirds(content):
            stream.write(piece)
            stream.flush()
            time.sleep(pause_s)


def _thirds(content: bytes) -> Iterator[bytes]:
    length = len(content) // 3 + 1
    yield from (content[start : start + length] for start in range(0, len(content), length))


class RewrittenFile:
    """One log name for every unit: the next unit's file replaces the last one's as soon as that is in the archive."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self._path = root / REWRITTEN / "watch" / "station.log"
        self._catalog = root / "archive" / "metadata.db"
        self._rng = rng
        self._checksum: str | None = None

    def may_be_replaced(self) -> bool:
        """Whether the archive has the last unit; what is replaced earlier is lost by the tester, not by the service."""
        if self._checksum is None:
            return True
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{self._catalog}?mode=ro", uri=True)) as db:
            query = "SELECT 1 FROM archive_entries WHERE source_checksum = ?"
            return db.execute(query, (self._checksum,)).fetchone() is not None
        return False

    def write(self, content: bytes) -> None:
        """Put the next unit's file in place of the last one's, sometimes with the same modification time."""
        whole = self._path.parent.parent / "writing"
        whole.write_bytes(content)
        if self._rng.random() < 0.3:
            with suppress(OSError):  # it may have gone to Done
                mtime_ns = self._path.stat().st_mtime_ns
                os.utime(whole, ns=(mtime_ns, mtime_ns))
        whole.replace(self._path)
        self._checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
