"""What is dropped: files and folders with random names and contents, each of which can be told from all others."""

from __future__ import annotations

import os
import random
import time
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
}
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

    def drop(self) -> Drop:
        """Drop a file or folder into one of the watch folders, at once or bit by bit."""
        self._number += 1
        line = self._rng.choice(list(LINES))
        token = f"{self._number:09d}{self._rng.choice('sssssfpn') if line != 'folder' else 's'}"
        if line == "folder":
            return self._folder(token)
        size = self._rng.choice((0, 20, 3_000, 60_000, 60_000, 1_500_000 if self._number % 10 == 0 else 500))
        content = token.encode() + self._rng.randbytes(size)
        self._write(self._free(line), content, slowly=self._rng.random() < 0.1)
        return Drop(line=line, token=token, content={"": content})

    def _free(self, line: str) -> Path:
        """A name in the watch folder; often one that another source had before."""
        while True:
            numbered = str(self._rng.randrange(40)) if self._rng.random() < 0.8 else str(self._number)
            name = self._rng.choice(_NAMES) + numbered + self._rng.choice(_ENDINGS)
            path = self._root / line / "watch" / name
            if not os.path.lexists(path):
                return path

    def _write(self, path: Path, content: bytes, *, slowly: bool) -> None:
        if not slowly:
            whole = self._root / "dropping"
            whole.write_bytes(content)
            whole.rename(path)
            return
        with path.open("xb") as stream:
            for start in range(0, len(content), len(content) // 3 + 1):
                stream.write(content[start : start + len(content) // 3 + 1])
                stream.flush()
                time.sleep(0.03)

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
