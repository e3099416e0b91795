"""Files that are archived together are archived as each of them alone, and one that cannot be harms no other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.faults.steps import Volume
from tests.unit.archive.busy_station import Busy, Outcome
from tests.unit.archive.busy_station import busy as busy  # noqa: PLC0414 (a fixture)

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import batch, ingest
from pywats_archive.archive.sources.batch import NotTogether, archive_several
from pywats_archive.archive.sources.draft import AlreadyArchived, NewSource
from pywats_archive.archive.sources.repeated import KnownAgain
from pywats_archive.blobs import temporary
from pywats_archive.blobs.batch import BlobBatch
from pywats_archive.catalog import entries
from pywats_archive.errors import ArchiveAway, ArchiveInUse, CatalogError, DiskFull, SourceChanged, SourceVanished
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ArchiveEntry

NAMES = [f"{letter}.log" for letter in "abcdefgh"]


def test_files_are_archived_as_each_alone(busy: Busy) -> None:
    """Entry, header, arrival and event are those of a file that was archived alone (invariants 1, 6, 8, 12)."""
    outcomes = busy.together(*NAMES)
    (alone,) = busy.drop("alone.log")
    single = ingest.archive_source(busy.archive, busy.seen(alone))
    for name, outcome in zip(NAMES, outcomes, strict=True):
        assert isinstance(outcome, ArchiveEntry)
        details, other = busy.archive.details(outcome.archive_id), busy.archive.details(single.archive_id)
        assert details.entry == outcome == busy.entries()[name]
        assert (
            b"".join(busy.archive.blobs.read_checked(outcome.source_archived_path, outcome.source_checksum))
            == (busy.watch / name).read_bytes()
        )
        (event,), (like,) = details.events, other.events
        assert (event.kind, event.details.keys()) == (like.kind, like.details.keys())
        header, its = (busy.archive.blobs.label(e.source_archived_path) for e in (outcome, single))
        assert header.metadata.keys() == its.metadata.keys() and header.original_name == name
        arrival = ledger.of_entry(busy.archive, outcome.archive_id)
        assert arrival and arrival.state is ArrivalState.ARCHIVED and arrival.path == str(busy.watch / name)


def test_bytes_then_names_then_rows(busy: Busy) -> None:
    """All bytes are durable before the first name is given, all names before the one commit (invariant 1)."""
    busy.archive.blobs.flusher.volume = None
    busy.together("first.log")  # makes the folders
    busy.together(*NAMES)
    steps = [
        name for name in busy.steps.names if name in ("write", "fsync", "publish", "fsync_folder", "begin", "commit")
    ]
    many = len(NAMES)
    assert steps == [
        *["write"] * many,
        *["fsync"] * many,
        *["publish"] * many,
        "fsync_folder",
        "begin",
        "commit",
    ]


def test_one_bad_file_harms_no_other(busy: Busy) -> None:
    """What vanished or changed after it was seen has its own error, and is as it was; all others are archived."""
    paths = busy.drop(*NAMES)
    sources = [busy.seen(path) for path in paths]
    paths[2].unlink()
    paths[4].write_bytes(b"written to meanwhile")
    outcomes = archive_several(busy.archive, sources)
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, ArchiveEntry)] == [
        SourceVanished,
        SourceChanged,
    ]
    assert busy.entries().keys() == set(NAMES) - {"c.log", "e.log"}
    states = [ledger.get(busy.archive, source.arrival_id or 0).state for source in sources]
    assert states.count(ArrivalState.SEEN) == 2 and states.count(ArrivalState.ARCHIVED) == len(NAMES) - 2


def test_a_row_that_cannot_be_stored_harms_no_other(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blob of a source whose row fails is removed; the others are in the same commit."""
    add, changed = entries.add, SourceChanged("left meanwhile")

    def failing(tx: object, entry: ArchiveEntry) -> None:
        add(tx, entry)  # type: ignore[arg-type]
        if entry.source_original_path.endswith("d.log"):
            raise changed

    monkeypatch.setattr(entries, "add", failing)
    outcomes = busy.together(*NAMES)
    assert outcomes[3] is changed and busy.entries().keys() == set(NAMES) - {"d.log"}
    assert busy.blobs() == {entry.source_archived_path for entry in busy.entries().values()}
    assert busy.steps.names.count("commit") == 1


@pytest.mark.parametrize("step", ["open", "write", "publish", "commit", "fsync_folder", "fsync"])
def test_a_step_that_fails_leaves_nothing_behind(busy: Busy, step: str) -> None:
    """Of a failed step, exactly what it concerns is not archived, and has neither blob nor row."""
    busy.archive.blobs.flusher.volume = None
    busy.together("first.log")
    sources = [busy.seen(path) for path in busy.drop(*NAMES)]
    busy.steps.begin()
    busy.steps.plan = {(step, 1): OSError(5, "bad block")}
    outcomes = archive_several(busy.archive, sources)
    failed = {name for name, outcome in zip(NAMES, outcomes, strict=True) if isinstance(outcome, Exception)}
    assert len(failed) == (len(NAMES) if step in ("commit", "fsync_folder") else 1)
    assert busy.entries().keys() == {"first.log", *NAMES} - failed
    assert busy.blobs() == {entry.source_archived_path for entry in busy.entries().values()}


def test_a_full_disk_releases_the_reserve(busy: Busy) -> None:
    """A disk that is full at the flush is reported as such for the file, as for one that is archived alone."""
    busy.archive.blobs.flusher.volume = None
    sources = [busy.seen(path) for path in busy.drop(*NAMES)]
    busy.steps.begin()
    busy.steps.plan = {("fsync", number): OSError(28, "No space left on device") for number in range(1, 100)}
    outcomes = archive_several(busy.archive, sources)
    assert all(isinstance(outcome, DiskFull) for outcome in outcomes) and not busy.entries()
    assert busy.archive.reserve.trouble()


def test_a_commit_that_fails_is_of_all(busy: Busy) -> None:
    """Nothing of a batch is archived without its commit."""
    sources = [busy.seen(path) for path in busy.drop(*NAMES)]
    busy.steps.begin()
    busy.steps.plan = {("commit", 1): OSError(5, "bad block")}
    assert all(isinstance(outcome, CatalogError) for outcome in archive_several(busy.archive, sources))
    assert not busy.entries() and not busy.blobs()


@pytest.mark.parametrize(
    "change",
    [
        {"companion_rules": ("{stem}.txt",)},
        {"keep_source": False},
        {"path": Path("folder")},
        {"path": Path("large.log")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_plain_is_archived_alone(busy: Busy, change: dict[str, object]) -> None:
    """Companions, records without bytes, folders and large files are not archived with others."""
    (path,) = busy.drop("a.log")
    busy.drop("large.log", size=batch.LARGEST_BYTES)
    (busy.watch / "folder").mkdir()
    if "path" in change:
        path = busy.watch / str(change["path"])
    rest = {key: value for key, value in change.items() if key != "path"}
    (outcome,) = archive_several(busy.archive, [busy.seen(path, **rest)])
    assert isinstance(outcome, NotTogether)
    assert ingest.archive_source(busy.archive, busy.seen(path, **rest)) == next(iter(busy.entries().values()))


def test_a_companion_of_another_source_is_archived_alone(busy: Busy) -> None:
    """A file that was archived as a companion shares that blob, and needs no new one."""
    first, second, shared = busy.drop("first.log", "second.log", "shared.cfg")
    rules = ("shared.cfg",)
    for path in (first, second):
        ingest.archive_source(busy.archive, busy.seen(path, companion_rules=rules))
    (outcome,) = archive_several(busy.archive, [busy.seen(shared)])
    assert isinstance(outcome, NotTogether)
    assert ingest.archive_source(busy.archive, busy.seen(shared)).disk_size_bytes == 0


def test_a_source_of_a_batch_is_shared_as_a_companion(busy: Busy) -> None:
    """A file that was archived in a batch is remembered: as a companion it is known, and stored alone."""
    (shared,) = (Path(path) for path in busy.drop("shared.cfg"))
    (entry,) = archive_several(busy.archive, [busy.seen(shared)])
    assert isinstance(entry, ArchiveEntry)
    (first,) = busy.drop("first.log")
    whole = ingest.archive_source(busy.archive, busy.seen(first, companion_rules=("shared.cfg",)))
    (companion,) = whole.companions
    blobs = (busy.archive.root / path for path in (companion.archived_path, entry.source_archived_path))
    assert next(blobs).samefile(next(blobs))


def test_a_source_that_is_known_goes_the_single_way(busy: Busy) -> None:
    """The same source again, and one that another arrival has, are not archived twice (invariant 5)."""
    (path,) = busy.drop("a.log")
    (first,) = archive_several(busy.archive, [busy.seen(path)])
    assert isinstance(first, ArchiveEntry)
    (again,) = archive_several(busy.archive, [busy.seen(path)])
    assert isinstance(again, AlreadyArchived) and again.entry == first
    known = ledger.of_entry(busy.archive, first.archive_id)
    assert known
    ledger.set_arrival(busy.archive, known.number, ArrivalState.DONE, kept_checksum=first.source_checksum)
    path.touch()
    (renamed,) = archive_several(busy.archive, [busy.seen(path, is_repeated=True)])
    assert isinstance(renamed, KnownAgain) and busy.entries().keys() == {"a.log"} and len(busy.blobs()) == 1


def test_one_path_is_once_in_a_batch(busy: Busy) -> None:
    """The second of two sources with one path is archived alone, and finds the entry of the first."""
    (path,) = busy.drop("a.log")
    first, second = archive_several(busy.archive, [busy.seen(path), busy.seen(path)])
    assert isinstance(first, ArchiveEntry) and isinstance(second, NotTogether)


@pytest.mark.parametrize(("limit", "value"), [("_LONGEST_S", -1.0), ("_MOST_UNWRITTEN_BYTES", 50)])
def test_a_batch_ends_in_time(busy: Busy, monkeypatch: pytest.MonkeyPatch, limit: str, value: float) -> None:
    """What does not fit in 0.1 s or 64 MB is archived alone; what was written before is archived."""
    monkeypatch.setattr(batch, limit, value)
    outcomes = busy.together(*NAMES)
    kinds = [isinstance(outcome, ArchiveEntry) for outcome in outcomes]
    assert kinds == sorted(kinds, reverse=True) and not all(kinds)
    assert busy.entries().keys() == {name for name, kind in zip(NAMES, kinds, strict=True) if kind}


def test_a_slow_look_up_takes_no_time_from_the_files(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that answers slowly is the reason to archive files together, and not each alone."""
    known_paths, now_s = entries.known_paths, [0.0]

    def slow(*asked: Any) -> Any:
        now_s[0] += 3600
        return known_paths(*asked)

    monkeypatch.setattr(entries, "known_paths", slow)
    monkeypatch.setattr(batch, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    assert all(isinstance(outcome, ArchiveEntry) for outcome in busy.together(*NAMES))


def test_what_does_not_fit_is_in_another_batch(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as batches have eight files or more, none is archived alone; each batch has a commit of its own."""
    (first,) = busy.together("first.log")
    assert isinstance(first, ArchiveEntry)
    monkeypatch.setattr(batch, "_MOST_UNWRITTEN_BYTES", 9 * first.compressed_size_bytes)
    outcomes = busy.together(*(f"{number:02}.log" for number in range(30)))
    assert all(isinstance(outcome, ArchiveEntry) for outcome in outcomes)
    assert busy.steps.names.count("commit") == 3


def test_entries_of_earlier_batches_are_returned(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stops a later batch does not hide the entries that are committed: their sources are not archived again."""
    (first,) = busy.together("first.log")
    assert isinstance(first, ArchiveEntry)
    monkeypatch.setattr(batch, "_MOST_UNWRITTEN_BYTES", 9 * first.compressed_size_bytes)
    opened, trouble = busy.archive.blobs.batch, [None, OSError(24, "Too many open files")]

    def failing() -> BlobBatch:
        if error := trouble.pop(0):
            raise error
        return opened()

    monkeypatch.setattr(busy.archive.blobs, "batch", failing)
    outcomes = busy.together(*(f"{number:02}.log" for number in range(30)))
    found = [outcome for outcome in outcomes if isinstance(outcome, ArchiveEntry)]
    assert 8 <= len(found) == len(busy.entries()) - 1 and all(
        isinstance(outcome, NotTogether) for outcome in outcomes if outcome not in found
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the folder of an open catalog cannot be renamed")
def test_an_archive_that_is_away_is_the_error_of_each_source(busy: Busy) -> None:
    """A disk that was just taken out is no unexpected error: each source is told why it is not archived (invariant 11)."""
    busy.together("first.log")
    busy.archive.blobs.flusher.volume = Volume()
    sources = [busy.seen(path) for path in busy.drop(*NAMES)]
    root, elsewhere = busy.archive.root, busy.watch / "elsewhere"
    root.rename(elsewhere)
    try:
        outcomes = archive_several(busy.archive, sources)
    finally:
        elsewhere.rename(root)
    assert all(isinstance(outcome, ArchiveAway) for outcome in outcomes) and busy.entries().keys() == {"first.log"}


def test_an_error_of_no_source_is_raised(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error before the first entry concerns the batch, and is not hidden as one of its sources."""

    def failing() -> BlobBatch:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(busy.archive.blobs, "batch", failing)
    with pytest.raises(OSError, match="open files"):
        busy.together(*NAMES)


def test_a_file_that_cannot_be_removed_harms_no_other(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file that stays behind after an error leaves no blob of another file without a row (invariant 5)."""
    busy.archive.blobs.flusher.volume = None
    sources = [busy.seen(path) for path in busy.drop(*NAMES)]
    busy.steps.begin()
    busy.steps.plan = {("publish", 3): OSError(5, "bad block")}
    left: list[Path] = []

    def failing(path: str) -> None:
        left.append(Path(path))
        raise OSError(5, "bad block")

    monkeypatch.setattr(temporary, "remove", failing)
    outcomes = archive_several(busy.archive, sources)
    assert isinstance(outcomes[2], OSError) and busy.entries().keys() == set(NAMES) - {"c.log"}
    assert busy.blobs() == {entry.source_archived_path for entry in busy.entries().values()}
    (path,) = left
    path.unlink()


def test_only_the_owner_archives(busy: Busy) -> None:
    """An archive that was opened for reading takes no batch."""
    (path,) = busy.drop("a.log")
    with Archive.open(busy.archive.root) as reader, pytest.raises(ArchiveInUse):
        archive_several(reader, [NewSource(path=path, converter_name="c")])


def test_batches_side_by_side(busy: Busy) -> None:
    """Several threads archive batches and single files at the same time; each file has one entry."""
    parts = [[f"{number}-{name}" for name in NAMES] for number in range(4)]
    sources = [[busy.seen(path) for path in busy.drop(*part)] for part in parts]
    outcomes: list[Outcome] = []

    def run(act: Callable[[], list[Outcome]]) -> threading.Thread:
        thread = threading.Thread(target=lambda: outcomes.extend(act()))
        thread.start()
        return thread

    singles = [busy.seen(path) for path in busy.drop("x.log", "y.log")]
    threads = [run(partial(archive_several, busy.archive, part)) for part in sources]
    threads.append(run(lambda: [ingest.archive_source(busy.archive, source) for source in singles]))
    for thread in threads:
        thread.join()
    assert len({entry.archive_id for entry in outcomes if isinstance(entry, ArchiveEntry)}) == 4 * len(NAMES) + 2
    assert len(busy.entries()) == 4 * len(NAMES) + 2
