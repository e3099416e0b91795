"""An archive and the watch folder of a busy station, whose files are archived together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.station import check_sound

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import batch, reading
from pywats_archive.archive.sources.batch import archive_several
from pywats_archive.archive.sources.draft import NewSource
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter

Outcome = ArchiveEntry | Exception


@dataclass
class Steps:
    """The steps of an archive; raises what is planned for the n-th of a name."""

    names: list[str] = field(default_factory=list)
    plan: dict[tuple[str, int], Exception] = field(default_factory=dict)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, name: str) -> None:
        with self.mutex:
            self.names.append(name)
            error = self.plan.get((name, self.names.count(name)))
        if error:
            raise error

    def begin(self, **plan: Exception) -> None:
        self.names.clear()
        self.plan = {}


@dataclass(frozen=True, slots=True)
class Busy:
    """An archive and the watch folder of a busy station."""

    archive: Archive
    watch: Path
    steps: Steps

    def drop(self, *names: str, size: int = 100) -> list[Path]:
        """Drop files, each with bytes of its own."""
        paths = [self.watch / name for name in names]
        for path in paths:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(path.name.encode() * size)
        return paths

    def seen(self, path: Path, **more: object) -> NewSource:
        """Return a source that was just seen."""
        now = reading.stamp_of(path)
        sighting = Sighting(path=str(path), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, inode=now.inode)
        (arrival,) = ledger.enter(self.archive, "c", [sighting])
        new = NewSource(path=path, converter_name="c", arrival_id=arrival.number, look=reading.examine(path))
        return new if not more else NewSource(**{f: getattr(new, f) for f in new.__slots__} | more)

    def together(self, *names: str) -> list[Outcome]:
        """Drop files and archive them together."""
        sources = [self.seen(path) for path in self.drop(*names)]
        self.steps.begin()
        return archive_several(self.archive, sources)

    def entries(self) -> dict[str, ArchiveEntry]:
        """Return what the archive has, by the file's name."""
        found = self.archive.find(EntryFilter(), limit=1000).items
        return {Path(entry.source_original_path).name: entry for entry in found}

    def blobs(self) -> set[str]:
        return {path.relative_to(self.archive.root).as_posix() for path in self.archive.root.rglob("sources/**/*.gz*")}


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    monkeypatch.setattr(batch, "_LONGEST_S", 60.0)  # on any computer
    steps = Steps()
    with Archive.open(tmp_path / "archive", create=True, own=True, on_step=steps) as archive:
        yield Busy(archive, tmp_path / "watch", steps)
        steps.plan = {}
    assert not list((tmp_path / "archive").rglob("*.part"))
    check_sound(tmp_path / "archive")
