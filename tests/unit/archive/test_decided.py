"""A catalog made anew: what was purged does not come back, what was set back stays so, and what is there ages."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged, blobs

from pywats_archive.archive import decision_log, ledger, purging
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.archive.sources import ingest
from pywats_archive.blobs import durable, temporary
from pywats_archive.integrity.verify import verify
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import Rebuilt, Thoroughness
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing

POLICY = RetentionPolicy(converter_name="c", retention_days=90, failed_retention_days=200)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def rebuilt(aged: Aged) -> Rebuilt:
    """Rebuild by the archive's own clock, and open it again."""
    aged.archive.close()
    done = rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now))
    aged.open()
    return done


def kill_purge(aged: Aged, monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Purge, and end when so many blobs are gone, as a kill would."""
    gone = 0
    remove = temporary.remove

    def killed(path: Path | str, **how: float) -> None:
        nonlocal gone
        if gone == after:
            raise KeyboardInterrupt
        gone += 1
        remove(path, **how)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(durable, "remove", killed)
        enforcing.enforce(aged.archive, POLICY, confirmed=True)


def lose(root: Path) -> None:
    for path in root.glob("metadata.db*"):
        path.unlink()


def without_notes(root: Path) -> None:
    (root / "purged.log").unlink()


@pytest.mark.parametrize("after", [0, 1, 2, 5])
@pytest.mark.parametrize("spoil", [lose, without_notes])
def test_a_killed_purge_is_finished_by_the_rebuilding(
    aged: Aged, monkeypatch: pytest.MonkeyPatch, after: int, spoil: Callable[[Path], None]
) -> None:
    """What was on record as purged is not brought back, whether the notes or the old history tell it; the rest is (7)."""
    purged = [aged.add(days_ago=103 - n, companion=n == 0) for n in range(4)]
    kept = aged.add(days_ago=3, companion=True)
    kill_purge(aged, monkeypatch, after=after)
    aged.archive.close()
    spoil(aged.archive.root)
    done = rebuild(aged.archive.root)
    archive = aged.open()
    assert [each.archive_id for each in archive.find(EntryFilter()).items] == [kept.archive_id]
    assert all(kept.archive_id in path for path in blobs(archive)) and len(blobs(archive)) == 3
    assert (done.entries, done.problems, done.without_source) == (1, (), 0) and 0 < done.purged <= len(purged)
    assert not (archive.root / "purged.log").exists()
    assert not [each.problem for each in verify(archive, Thoroughness()) if each.problem]


def test_a_purge_is_believed_only_as_far_as_the_old_history_is_whole(
    aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is removed because of an event in a chain that is broken before it: the bytes stay."""
    victim = aged.add(days_ago=100)
    kill_purge(aged, monkeypatch, after=0)
    aged.archive.close()
    without_notes(aged.archive.root)
    raw = sqlite3.connect(aged.archive.root / "metadata.db")
    raw.execute("DROP TRIGGER events_stay")
    raw.execute("UPDATE events SET actor = 'nobody' WHERE sequence = 2")
    raw.commit()
    raw.close()
    assert rebuild(aged.archive.root).purged == 0
    assert victim.archive_id in {each.archive_id for each in aged.open().find(EntryFilter()).items}


def test_a_finished_purge_leaves_no_notes(aged: Aged) -> None:
    """The notes of a purge go with its last blob, so that they do not grow."""
    aged.add(days_ago=100)
    enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert not (aged.archive.root / "purged.log").exists()


def test_a_note_that_was_cut_off_or_altered_is_none(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn line, and one that was edited, name nothing; what is appended after a torn one counts."""
    first, second = aged.add(days_ago=100), aged.add(days_ago=99)
    log = aged.archive.root / "purged.log"
    decision_log.note_purge(aged.archive, [first.source_archived_path])
    whole = log.read_bytes()
    log.write_bytes(whole[:-9])
    assert decision_log.purged_ids(aged.archive.root) == frozenset()
    decision_log.note_purge(aged.archive, [second.source_archived_path])
    assert decision_log.purged_ids(aged.archive.root) == {second.archive_id}
    log.write_bytes(whole.replace(first.archive_id.encode(), b"20260101000000000_abcdef"))
    assert decision_log.purged_ids(aged.archive.root) == frozenset()


def test_a_full_disk_stops_no_purge_though_nothing_can_be_noted(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A purge makes room, so it goes on without a note where not even the reserve is room enough; the catalog has it."""
    aged.add(days_ago=100)

    def full(name: str, line: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(aged.archive.blobs.files, "append", full)
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).archives_purged == 1
    assert blobs(aged.archive) == []


def test_what_was_rebuilt_ages_as_anything_else(aged: Aged) -> None:
    """With a report it counts as converted; without one its outcome is not known, and it is kept as long as a failure (7)."""
    old = aged.add(days_ago=100)
    failed = aged.add(days_ago=100, status=ConversionStatus.FAILED)
    never = aged.add(days_ago=201, status=None)
    young = aged.add(days_ago=5, status=ConversionStatus.FAILED)
    lose(aged.archive.root)
    assert rebuilt(aged).without_outcome == 3
    archive = aged.archive
    assert archive.entry(old.archive_id).conversion_status is ConversionStatus.SUCCESS
    assert archive.entry(failed.archive_id).conversion_status is ConversionStatus.PENDING
    assert archive.entry(failed.archive_id).rebuilt_at == aged.now
    enforcing.confirm_clock(archive, actor="it")
    enforcing.enforce(archive, POLICY, confirmed=True)
    assert archive.entry(old.archive_id).purged_at and archive.entry(never.archive_id).purged_at
    assert not archive.entry(failed.archive_id).purged_at and not archive.entry(young.archive_id).purged_at
    assert enforcing.purge_named(archive, [young.archive_id], actor="it").archives_purged == 1
    aged.now += timedelta(days=101)
    assert enforcing.enforce(archive, POLICY, confirmed=True).archives_purged == 1
    assert blobs(archive) == []


def test_what_comes_in_again_after_a_rebuilding_is_on_its_way(aged: Aged) -> None:
    """A source that still lies in its watch folder goes on as its entry, which no purge takes until it is done (7)."""
    path = aged.base / "waiting.csv"
    path.write_bytes(b"waits")
    today, aged.now = aged.now, aged.now - timedelta(days=300)
    source = ingest.NewSource(path=path, converter_name="c")
    entry = ingest.archive_source(aged.archive, source)
    aged.now = today
    lose(aged.archive.root)
    rebuilt(aged)
    with aged.archive.read() as db:
        (candidate,) = purging.candidates_named(aged.archive, [entry.archive_id])
        assert not candidate.is_pending and db
    status = path.stat()
    seen = ledger.Sighting(path=str(path), size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)
    (arrival,) = ledger.enter(aged.archive, "c", [seen])
    again = ingest.archive_source(aged.archive, replace(source, arrival_id=arrival.arrival_id))
    assert again.archive_id == entry.archive_id
    enforcing.confirm_clock(aged.archive, actor="it")
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).kept == {"pending": 1}


def test_an_archive_without_notes_is_rebuilt_as_ever(aged: Aged) -> None:
    """An archive that an earlier version made has neither file; nothing is missed."""
    aged.add(days_ago=1, submission=SubmissionState.WAITING)
    shutil.copytree(aged.archive.root, aged.base / "copy")
    lose(aged.base / "copy")
    assert rebuild(aged.base / "copy").entries == 1
