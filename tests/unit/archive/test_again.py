"""A source that stayed in its watch folder is known again, under another time, name or path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pywats_archive.archive import ingest, ledger, record, sources
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.errors import SourceKnown
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter


@dataclass(frozen=True, slots=True)
class Kept:
    """An archive with one source that is done with and lies in its folder still."""

    archive: Archive
    log: Path
    entry: ArchiveEntry

    def see(self, path: Path, *, converter: str = "c", keep_source: bool = True) -> ArchiveEntry:
        """Archive what lies at ``path`` as a source that was just seen there."""
        return archived(self.archive, path, converter=converter, keep_source=keep_source)[0]

    def arrivals(self) -> list[Arrival]:
        """Return the whole ledger."""
        with self.archive.read() as db:
            numbers = db.exec_driver_sql("SELECT arrival_id FROM arrivals ORDER BY arrival_id").scalars().all()
        return [ledger.get(self.archive, number) for number in numbers]


def archived(
    archive: Archive, path: Path, *, converter: str = "c", keep_source: bool = True
) -> tuple[ArchiveEntry, int]:
    now = sources.signature(path)
    sighting = Sighting(path=str(path), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, inode=now.inode)
    (arrival,) = ledger.enter(archive, converter, [sighting])
    new = ingest.NewSource(
        path=path, converter_name=converter, keep_source=keep_source, arrival_id=arrival.number, is_repeated=True
    )
    return ingest.archive_source(archive, new), arrival.number


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    log = tmp_path / "watch" / "a.log"
    log.parent.mkdir()
    log.write_bytes(b"one unit")
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        entry, number = archived(archive, log)
        record.set_arrival(archive, number, ArrivalState.DONE, kept_checksum=entry.source_checksum)
        yield Kept(archive, log, entry)


def touched(log: Path) -> Path:
    log.touch()
    return log


def renamed(log: Path) -> Path:
    return log.rename(log.with_name("b.log"))


def touched_and_renamed(log: Path) -> Path:
    return renamed(touched(log))


def in_a_renamed_folder(log: Path) -> Path:
    return log.parent.rename(log.parent.with_name("now")) / log.name


def in_a_linked_folder(log: Path) -> Path:
    link = log.parent.with_name("link")
    link.symlink_to(log.parent)
    return link / log.name


def copied_to_another_folder(log: Path) -> Path:
    (log.parent.with_name("now")).mkdir()
    copy = log.parent.with_name("now") / log.name
    copy.write_bytes(log.read_bytes())
    return copy


def linked_into_another_folder(log: Path) -> Path:
    (log.parent.with_name("now")).mkdir()
    link = log.parent.with_name("now") / "b.log"
    link.hardlink_to(log)
    return link


MOVES = [
    *(touched, renamed, touched_and_renamed, in_a_renamed_folder, in_a_linked_folder),
    *(copied_to_another_folder, linked_into_another_folder),
]


@pytest.mark.parametrize("keep_source", [True, False])
@pytest.mark.parametrize("move", MOVES)
def test_it_is_the_same_entry_where_it_lies_now(kept: Kept, move: Callable[[Path], Path], keep_source: bool) -> None:
    """No second entry is made, and the ledger has its source at its new place, once (invariants 4 and 12)."""
    path = move(kept.log)
    with pytest.raises(SourceKnown):
        kept.see(path, keep_source=keep_source)
    (arrival,) = kept.arrivals()
    now = sources.signature(path)
    assert (arrival.path, arrival.archive_id, arrival.state) == (str(path), kept.entry.archive_id, ArrivalState.DONE)
    assert (arrival.size_bytes, arrival.mtime_ns, arrival.inode) == (now.size_bytes, now.mtime_ns, now.inode)
    assert entries(kept) == [kept.entry.archive_id]


def test_a_hard_link_beside_it_is_skipped(kept: Kept) -> None:
    """Both names stay accounted for, with one entry (invariant 12)."""
    link = kept.log.with_name("b.log")
    link.hardlink_to(kept.log)
    with pytest.raises(SourceKnown):
        kept.see(link)
    assert [(Path(each.path).name, each.state) for each in kept.arrivals()] == [
        ("a.log", ArrivalState.DONE),
        ("b.log", ArrivalState.SKIPPED),
    ]
    assert entries(kept) == [kept.entry.archive_id]


@pytest.mark.parametrize("converter", ["c", "another"])
def test_other_bytes_or_a_copy_under_another_name_are_sources(kept: Kept, converter: str) -> None:
    """What has neither its inode nor its name, or other bytes, is archived (invariant 1)."""
    copy = kept.log.with_name("copy.log")
    copy.write_bytes(kept.log.read_bytes())
    kept.log.write_bytes(b"one unit, and another")
    made = {kept.see(path, converter=converter).archive_id for path in (copy, kept.log)}
    assert sorted({*made, kept.entry.archive_id}) == entries(kept) and len(entries(kept)) == 3


def entries(kept: Kept) -> list[str]:
    found = kept.archive.find(EntryFilter(newest_first=False), limit=10).items
    return sorted(entry.archive_id for entry in found)
