from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pywats_archive.archive import figures
from pywats_archive.archive.audit import scrub_log
from pywats_archive.archive.audit.scrub_log import FindingChanges
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import NotAnArchive
from pywats_archive.integrity.pace import Pace
from pywats_archive.integrity.scrub import Scrub
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.time import UTC

MONTH = Pace(interval=timedelta(days=30), bytes_per_s=1e9)
START = datetime(2026, 2, 1, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive(tmp_path: Path, clock: Clock) -> Iterator[Archive]:
    """Three entries, of three days."""
    with Archive.open(tmp_path / "archive", create=True, own=True, clock=clock) as made:
        for number in range(3):
            path = tmp_path / f"{number}.log"
            path.write_bytes(b"%d" % number * 1000)
            ingest.archive_source(made, ingest.NewSource(path=path, converter_name="c"))
            clock.now += timedelta(days=1)
        yield made


def entries(archive: Archive) -> list[ArchiveEntry]:
    from pywats_archive.models.query import EntryFilter  # noqa: PLC0415

    return list(archive.find(EntryFilter(newest_first=False)).items)


def read_all_due(scrub: Scrub, *, is_busy: bool = False) -> None:
    while scrub.step(MONTH, is_busy=is_busy) < MONTH.idle_s:
        pass


def kinds(archive: Archive) -> list[str]:
    from pywats_archive.catalog import events  # noqa: PLC0415

    with archive.read() as db:
        return [e.kind for e in events.iterate(db) if e.kind.startswith("integrity")]


def flip(archive: Archive, entry: ArchiveEntry) -> bytes:
    """Damage an entry's blob; gives what it was."""
    path = archive.root / entry.source_archived_path
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    return whole


def test_each_blob_is_read_back_when_it_is_due(archive: Archive, clock: Clock) -> None:
    """What is older than half the interval is read, and nothing else."""
    scrub = Scrub(archive, on_changes=lambda news: None)
    read_all_due(scrub)
    assert [e.verified_at for e in entries(archive)] == [None, None, None]
    clock.now = START + timedelta(days=16, hours=1)
    read_all_due(scrub, is_busy=True)
    assert [e.verified_at for e in entries(archive)] == [None, None, None]
    read_all_due(scrub)
    assert [e.verified_at is not None for e in entries(archive)] == [True, True, False]


def test_a_clock_that_was_ahead_stops_no_reading_back(archive: Archive, clock: Clock) -> None:
    """What was read back by a clock that was a year ahead is read again once it is right, and not a year later."""
    right = clock.now + timedelta(days=40)
    clock.now = right + timedelta(days=365)
    scrub = Scrub(archive, on_changes=lambda news: None)
    read_all_due(scrub)
    clock.now = right
    read_all_due(scrub)
    assert [entry.verified_at for entry in entries(archive)] == [right] * 3


def test_the_oldest_check_is_the_next_one(archive: Archive, clock: Clock) -> None:
    """``stats`` finds the worst age without looking at more than one row, round after round."""
    assert figures.statistics(archive).oldest_check == entries(archive)[0].created_at
    clock.now = START + timedelta(days=16, hours=1)
    read_all_due(Scrub(archive, on_changes=lambda news: None))
    assert figures.statistics(archive).oldest_check == entries(archive)[2].created_at
    clock.now = first = START + timedelta(days=30)
    read_all_due(Scrub(archive, on_changes=lambda news: None))
    assert figures.statistics(archive).oldest_check == entries(archive)[0].verified_at
    clock.now = START + timedelta(days=32)
    read_all_due(Scrub(archive, on_changes=lambda news: None))
    assert figures.statistics(archive).oldest_check == first == entries(archive)[2].verified_at


def test_what_is_damaged_is_told_until_it_is_sound(archive: Archive, clock: Clock) -> None:
    """A finding is recorded, told again after a restart, and cleared once the bytes are back."""
    damaged = entries(archive)[1]
    whole = flip(archive, damaged)
    clock.now = START + timedelta(days=60)
    told: list[FindingChanges] = []
    read_all_due(Scrub(archive, on_changes=told.append))
    assert [p.archive_id for news in told for p in news.found] == [damaged.archive_id]
    assert figures.statistics(archive).open_findings == 1
    told.clear()
    Scrub(archive, on_changes=told.append).step(MONTH, is_busy=False)
    assert [p.archive_id for news in told for p in news.found] == [damaged.archive_id]
    (archive.root / damaged.source_archived_path).write_bytes(whole)
    told.clear()
    Scrub(archive, on_changes=told.append).step(MONTH, is_busy=False)
    assert [path for news in told for path in news.cleared] == [damaged.source_archived_path]
    assert figures.statistics(archive).open_findings == 0
    assert kinds(archive) == ["integrity.found", "integrity.checked", "integrity.cleared"]


def test_one_event_a_day_tells_of_what_was_read(archive: Archive, clock: Clock) -> None:
    """Checks are events, and not one for each blob."""
    clock.now = START + timedelta(days=60)
    read_all_due(Scrub(archive, on_changes=lambda news: None))
    with archive.read() as db:
        from pywats_archive.catalog import events  # noqa: PLC0415

        (told,) = (e.details for e in events.iterate(db) if e.kind == "integrity.checked")
    assert (told["blobs"], told["problems"], told["up_to"]) == (3, 0, entries(archive)[-1].archive_id)


def test_an_archive_that_went_away_makes_no_findings(archive: Archive, clock: Clock, tmp_path: Path) -> None:
    """A share that is gone is no damage."""
    clock.now = START + timedelta(days=60)
    scrub = Scrub(archive, on_changes=lambda news: None)
    for name in ("sources", "archive.json"):
        (archive.root / name).rename(tmp_path / name)
    with pytest.raises(NotAnArchive):
        read_all_due(scrub)
    for name in ("sources", "archive.json"):
        (tmp_path / name).rename(archive.root / name)
    scrub.forget()
    read_all_due(scrub)
    assert figures.statistics(archive).open_findings == 0
    assert scrub_log.findings(archive) == ()
