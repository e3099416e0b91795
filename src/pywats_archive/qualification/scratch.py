"""A scratch station: the demo's converters and server, in a folder that is removed afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.client import Client
from pywats_archive.demo.drops import Drop
from pywats_archive.demo.server import WatsServer
from pywats_archive.demo.station import place, set_up
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.portable import names

PREFIX = ".pywats-archive-qualification-"
_COMMAND_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ScratchStation:
    """A station that nobody else uses; commands run in processes of their own, as a person starts them."""

    base: Path
    config: Path
    server: WatsServer

    @property
    def archive(self) -> Path:
        """The folder of its archive."""
        return self.base / "archive"

    def command(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command of this very installation; TimeoutExpired if it takes longer than five minutes."""
        return subprocess.run(  # noqa: S603 (this Python, and words of our own)
            _words(words), capture_output=True, text=True, encoding="utf-8", timeout=_COMMAND_S, check=False
        )

    def document(self, *words: str | Path) -> Any:
        """Return the JSON document of a command; ValueError with its error line if there is none."""
        done = self.command(*words, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError as exc:
            raise ValueError(f"{words[0]}: exit code {done.returncode}, {done.stderr.strip()[-500:]}") from exc

    def started(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start a command that runs on."""
        return subprocess.Popen(  # noqa: S603 (this Python, and words of our own)
            _words(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def drop(self, drops: Sequence[Drop]) -> None:
        """Put files into the watch folders."""
        for each in drops:
            place(self.base, each)

    def entries(self) -> tuple[ArchiveEntry, ...]:
        """Return all entries, oldest first."""
        with self.client() as client:
            return client.find(EntryFilter(newest_first=False), limit=100_000).items

    def client(self) -> Client:
        """Open the archive."""
        return Client(self.archive, actor="qualification")


@contextmanager
def scratch_station(beside: Path) -> Iterator[ScratchStation]:
    """Set a station up in a new folder in ``beside``, so that it is on the same disk; OSError if that is impossible."""
    base = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
    try:
        with WatsServer(strict=True) as server:
            yield ScratchStation(base=base, config=set_up(base, server.address, accepts_any=False), server=server)
    finally:
        names.remove_tree(base)


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60.0) -> bool:
    """Return whether something became true in time."""
    until_s = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


def _words(words: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "pywats_archive", *map(str, words)]
