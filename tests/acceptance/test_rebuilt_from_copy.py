"""A lost catalog comes back from its newest sound copy, and what is younger from the blobs."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.command import command
from tests.disk import small_disk
from tests.station import Station

from pywats_archive.archive import decision_log, holds, purging
from pywats_archive.archive.copies.making import Target, Wanted, copy_catalog
from pywats_archive.archive.copies.place import in_archive, in_backup_folder
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.catalog import events
from pywats_archive.client import Client
from pywats_archive.errors import ArchiveError
from pywats_archive.integrity.verify import verify
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import ProblemKind, Rebuilt, Thoroughness
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import PurgeReason

CONVERTER = """
class Some(Any):
    def outcome(self, source, context):
        if "bad" in source.path.name:
            return ConverterResult.failed_result(error="no header line in " + source.path.name)
        return super().outcome(source, context)
"""
_EMPTY = frozenset({"alerts", "configured", "findings", "misdated", "stored_files"})
_NOT_COMPARED = frozenset({"sqlite_sequence", "scrub"})


def copied(archive: Archive, *backup_folders: Path) -> None:
    """Copy the catalog of an open archive, as the service does."""
    places = [
        in_archive(archive.root),
        *(in_backup_folder(each, archive.description.archive_uuid) for each in backup_folders),
    ]
    wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=archive.now())
    for place in places:  # the service may have made one in this second
        place.remove(copy for copy in place.copies() if copy.at >= wanted.at.replace(microsecond=0))
    done = copy_catalog(archive.catalog, [Target(place=place) for place in places], wanted)
    assert [each.failure for each in done] == [None] * len(places)


def lose(root: Path) -> None:
    for path in root.glob("metadata.db*"):
        path.unlink()


def tables(root: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return all rows of all tables, but for the full-text index's own."""
    with closing(sqlite3.connect(root / "metadata.db")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = [name for name in names if name not in _NOT_COMPARED and not name.startswith("entry_text_")]
        return {name: set(db.execute(f"SELECT * FROM {name}")) for name in wanted}


def problems(root: Path) -> list[str]:
    with Archive.open(root) as archive:
        return [each.problem.message for each in verify(archive, Thoroughness()) if each.problem]


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def rebuilt(aged: Aged, **how: object) -> Rebuilt:
    """Lose the catalog, rebuild it by the archive's own clock, and open it again."""
    aged.archive.close()
    lose(aged.archive.root)
    done = rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now, **how))  # type: ignore[arg-type]
    aged.open()
    return done


def test_everything_up_to_the_copy_is_equal_and_what_is_younger_is_named(tmp_path: Path) -> None:
    """Failures, a hold, a policy, replays, a rollback, a purge and the history survive; a younger file comes from its blob."""
    with Station(tmp_path) as station:
        station.code(CONVERTER)
        watch = station.add("ict", "own.Some")
        for number in range(30):
            (watch / f"SN{number:02}{'-bad' if number % 7 == 0 else ''}.log").write_text("x" * (number + 1))
        station.run()
        ids = [each.archive_id for each in station.entries()]
        with Client.from_config(station.write_config()) as client:
            engine = client.reprocessing(actor="engineer")
            for serials, new_id in (([1, 2], False), ([4, 5], True)):
                done = engine.start(
                    [ids[n] for n in serials], ReplayRequest(submit_to_server=False, new_id=new_id), processes=1
                )
            assert done.run_id and all(each.is_set_back for each in engine.rollback(done.run_id))
        with Archive.open(station.archive_root, own=True) as archive:
            holds.hold(archive, ids[3], reason="inquiry 7", actor="qm")
            archive.policies.set(RetentionPolicy(converter_name="ict", retention_days=400), actor="qm", confirmed=True)
            with purging.purging(archive):
                batch = purging.Batch(converter_name="ict", reason=PurgeReason.MANUAL, archive_ids=[ids[8]], actor="qm")
                assert purging.purge(archive, batch).entries == 1
            copied(archive)
        before = tables(station.archive_root)
        (watch / "YOUNG.log").write_text("younger")
        station.run()
        young = station.entries(serial_number="YOUNG")
        lose(station.archive_root)
        found = rebuild(station.archive_root)
        assert (found.problems, found.younger, found.entries) == ((), 1, 31) and found.copy
        after = tables(station.archive_root)
        assert before.keys() == after.keys()
        for name in before.keys() - {"entry_figures", "entry_text", "clock", "alembic_version", "retention_policies"}:
            assert before[name] <= after[name], name
            assert before[name] or name in _EMPTY or name.startswith("vault_"), name
        with station.archive() as archive:  # what was held since the copy is not known
            assert archive.policies.own("ict") == RetentionPolicy(
                converter_name="ict", retention_days=400, enabled=False
            )
            assert not any(policy.enabled for policy in archive.policies.all_own())
        with station.archive() as archive:
            assert archive.entry(young[0].archive_id).source_checksum == young[0].source_checksum
            with archive.read() as db:
                added = [each for each in events.iterate(db) if (each.sequence or 0) > (found.last_event or 0)]
            assert [each.kind for each in added] == ["catalog.rebuilt", "policy.changed", "policy.changed"]
            assert (added[0].details["younger"], added[0].details["copied_at"]) == (
                1,
                f"{found.copied_at:%Y-%m-%dT%H:%M:%S+00:00}",
            )
        assert problems(station.archive_root) == []
        assert station.run().waiting == ()
        assert len(station.server.received) == 26  # each good one, and none under a second id


def test_what_was_purged_after_the_copy_stays_purged(aged: Aged) -> None:
    """The decision log tells it, long after the purge has ended; never is such an entry shown as present (invariant 7)."""
    early = aged.add(days_ago=9, companion=True)
    aged.now += timedelta(hours=1)
    kept, held = aged.add(days_ago=3), aged.add(days_ago=2)
    holds.hold(aged.archive, held.archive_id, reason="inquiry", actor="qm")
    copied(aged.archive)
    aged.now += timedelta(hours=1)
    batch = purging.Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[early.archive_id])
    for _ in range(2):
        with purging.purging(aged.archive):
            purging.purge(aged.archive, batch)
    with purging.purging(aged.archive):
        pass
    done = rebuilt(aged)
    assert (done.problems, done.purged_since, done.younger) == ((), 1, 0)
    purged = aged.archive.entry(early.archive_id)
    assert purged.purged_at == aged.now and aged.archive.entry(kept.archive_id).purged_at is None
    assert aged.archive.entry(held.archive_id).hold_reason == "inquiry"
    assert [each for each in verify(aged.archive, Thoroughness()) if each.problem] == []


def test_notes_of_purges_that_every_copy_knows_are_forgotten(aged: Aged) -> None:
    """The decision log does not grow for ever."""
    first, second = aged.add(days_ago=9), aged.add(days_ago=8)
    copied(aged.archive)
    for entry in (first, second):
        aged.now += timedelta(days=1)
        with purging.purging(aged.archive):
            purging.purge(
                aged.archive,
                purging.Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id]),
            )
        aged.now += timedelta(hours=1)
    assert decision_log.purged_ids(aged.archive.root) == {first.archive_id, second.archive_id}
    place = in_archive(aged.archive.root)
    aged.now -= timedelta(hours=3)
    copied(aged.archive)
    place.remove(place.copies()[:1])
    with purging.purging(aged.archive):
        pass
    assert decision_log.purged_ids(aged.archive.root) == {second.archive_id}


def test_reports_that_are_younger_are_added_and_not_sent(aged: Aged) -> None:
    """An entry that was converted after the copy is shown with its report (invariants 4 and 6)."""
    entry = aged.add(status=None)
    failed = aged.add(status=ConversionStatus.FAILED)
    copied(aged.archive)
    for each in (entry, failed):
        aged._convert(each, ConversionStatus.SUCCESS, SubmissionState.ACCEPTED)
    done = rebuilt(aged)
    assert (done.completed, done.reports, done.problems) == (2, 2, ())
    for each in (entry, failed):
        now = aged.archive.entry(each.archive_id)
        assert (now.conversion_status, now.report_count, now.rebuilt_at) == (ConversionStatus.SUCCESS, 1, aged.now)
        (report,) = aged.archive.reports_of(each.archive_id)
        assert report.submission_state is SubmissionState.WITHHELD
    assert aged.archive.find(EntryFilter(serial_number="SN2")).total == 2
    assert [each for each in verify(aged.archive, Thoroughness()) if each.problem] == []


def test_a_report_that_waited_in_the_copy_does_not_replace_a_later_one_at_the_server(aged: Aged) -> None:
    """The later one has the same id and may have been sent: only reports that nothing followed still wait (invariant 4)."""
    followed, alone = aged.add(status=None), aged.add(status=None)
    for each in (followed, alone):
        aged._convert(each, ConversionStatus.SUCCESS, SubmissionState.WAITING)
    copied(aged.archive)
    aged._convert(followed, ConversionStatus.SUCCESS, SubmissionState.ACCEPTED)
    assert rebuilt(aged).problems == ()
    states = [
        [report.submission_state.value for report in aged.archive.reports_of(each.archive_id)]
        for each in (followed, alone)
    ]
    assert states == [["WITHHELD", "WITHHELD"], ["WAITING"]]


def test_an_unsound_copy_is_named_and_the_next_older_one_is_taken(aged: Aged, tmp_path: Path) -> None:
    """Of both places the newest sound one counts; without a sound one everything comes from the blobs."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    aged.add()
    copied(aged.archive)
    aged.now += timedelta(days=1)
    aged.add()
    copied(aged.archive, elsewhere)
    aged.add()
    newest = max((aged.archive.root / "backups").iterdir())
    newest.chmod(0o600)
    newest.write_bytes(newest.read_bytes()[:-40])
    done = rebuilt(aged, backup_folder=elsewhere)
    assert str(elsewhere) in str(done.copy) and (done.entries, done.younger) == (3, 1)
    done = rebuilt(aged)
    assert [(each.kind, each.path) for each in done.problems] == [(ProblemKind.CATALOG_DAMAGED, str(newest))]
    assert (done.entries, done.younger) == (3, 2) and str(newest) != done.copy
    for path in (aged.archive.root / "backups").iterdir():
        path.chmod(0o600)
        path.write_bytes(b"nothing")
    done = rebuilt(aged)
    assert (len(done.problems), done.copy, done.entries, done.younger) == (2, None, 3, 0)


def test_a_copy_of_another_archive_is_not_taken(aged: Aged, tmp_path: Path) -> None:
    """A folder that was mixed up is named; its catalog would name blobs that are not there."""
    aged.add()
    (tmp_path / "other").mkdir()
    other = Aged(tmp_path / "other")
    other.add()
    copied(other.archive)
    other.archive.close()
    shutil.copytree(other.archive.root / "backups", aged.archive.root / "backups")
    done = rebuilt(aged)
    assert done.copy is None and done.entries == 1
    assert "not a copy of this archive's catalog" in done.problems[0].message


def test_a_blob_that_the_copy_names_and_that_is_gone_is_a_problem(aged: Aged) -> None:
    """The entry stays, so that its history can be read; the file may be in a backup."""
    entry = aged.add()
    copied(aged.archive)
    (aged.archive.root / entry.source_archived_path).unlink()
    done = rebuilt(aged)
    assert [(each.kind, each.path) for each in done.problems] == [
        (ProblemKind.BLOB_MISSING, entry.source_archived_path)
    ]
    assert done.entries == 1 and aged.archive.entry(entry.archive_id).conversion_status is ConversionStatus.SUCCESS


def test_a_rollback_after_the_copy_stays(tmp_path: Path) -> None:
    """The entries show their earlier reports again, under the ids that the server has (invariants 4 and 5)."""
    with Station(tmp_path) as station:
        watch = station.add("ict")
        for number in range(2):
            (watch / f"SN{number}.log").write_text("x" * (number + 1))
        station.run()
        shown = {each.archive_id: each.report_id for each in station.entries()}
        with Client.from_config(station.write_config()) as client:
            engine = client.reprocessing(actor="engineer")
            run = engine.start(list(shown), ReplayRequest(submit_to_server=False, new_id=True), processes=1).run_id
            with Archive.open(station.archive_root) as archive:
                copied(archive)
            assert run and all(each.is_set_back for each in engine.rollback(run))
        lose(station.archive_root)
        done = rebuild(station.archive_root)
        assert (done.problems, done.completed) == ((), 0) and done.copy
        assert {each.archive_id: each.report_id for each in station.entries()} == shown
        with station.archive() as archive:
            kinds = [each.kind for name in shown for each in archive.details(name).events]
            assert kinds.count("conversion.set_back") == 2
        assert problems(station.archive_root) == [] and station.run().waiting == ()
        assert station.server.received.keys() == set(shown.values())


def test_holds_and_policies_of_a_readable_catalog_are_taken_over(aged: Aged) -> None:
    """What was changed since the copy is known then; what the copy has already is not recorded twice."""
    first, second = aged.add(), aged.add()
    holds.hold(aged.archive, first.archive_id, reason="one", actor="qm")
    for days in (100, 200):
        policy = RetentionPolicy(converter_name="c", retention_days=days)
        aged.archive.policies.set(policy, actor="qm", confirmed=True)
        if days == 100:
            copied(aged.archive)
    holds.hold(aged.archive, second.archive_id, reason="two", actor="qm")
    aged.archive.close()
    done = rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now))
    archive = aged.open()
    assert [archive.entry(each.archive_id).hold_reason for each in (first, second)] == ["one", "two"]
    assert archive.policies.effective("c").retention_days == 200
    assert {each.what for each in done.not_copied} == {"events"}
    with archive.read() as db:
        kinds = [event.kind for event in events.iterate(db)]
    assert (kinds.count("hold.taken_over"), kinds.count("policy.changed")) == (1, 2)


def test_a_policy_that_was_reset_since_the_copy_stays_reset(aged: Aged) -> None:
    """Its shorter time would purge what the default policy keeps."""
    aged.add()
    aged.archive.policies.set(RetentionPolicy(converter_name="c", retention_days=10), actor="qm", confirmed=True)
    copied(aged.archive)
    aged.archive.policies.reset("c", actor="qm")
    aged.archive.close()
    assert rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now)).copy
    assert aged.open().policies.own("c") is None


def test_a_copy_from_the_future_is_the_last_choice(aged: Aged) -> None:
    """It was made while the clock was ahead; a copy that was made after the correction knows more."""
    first = aged.add()
    aged.now += timedelta(days=400)
    copied(aged.archive)
    aged.now -= timedelta(days=399)
    holds.hold(aged.archive, first.archive_id, reason="inquiry", actor="qm")
    copied(aged.archive)
    done = rebuilt(aged)
    assert done.copied_at and done.copied_at <= aged.now
    assert aged.archive.entry(first.archive_id).hold_reason == "inquiry"


def test_a_full_disk_leaves_everything_for_the_next_try(tmp_path: Path) -> None:
    """Nothing half-made stays, and the copy is untouched (invariant 5)."""
    with small_disk(tmp_path / "disk", 60) as disk:
        aged = Aged(disk.mount_point)
        for _ in range(20):
            aged.add()
        copied(aged.archive)
        aged.archive.close()
        root = aged.archive.root
        lose(root)
        (root / "reserve").unlink()
        disk.fill(leave_bytes=50_000)
        with pytest.raises(ArchiveError, match="free"):
            rebuild(root)
        assert not [path.name for path in root.iterdir() if path.name.startswith((".metadata", "metadata.db"))]
        disk.free()
        done = rebuild(root)
        assert (done.entries, done.younger, done.problems) == (20, 0, ())


def test_a_start_with_repair_uses_the_backup_folder(tmp_path: Path) -> None:
    """Catalog and copies of the archive are lost; the copy elsewhere brings the history back."""
    with Station(tmp_path) as station:
        station.keys["backup_folder"] = "elsewhere"
        (tmp_path / "elsewhere").mkdir()
        watch = station.add("ict")
        (watch / "SN1.log").write_text("x")
        station.run()
        station.run()
        before = station.details()
        lose(station.archive_root)
        shutil.rmtree(station.archive_root / "backups")
        station.run(repair=True)
        assert station.details().entry == before.entry and station.details().events == before.events


def test_the_command_says_what_was_used_and_what_is_younger(aged: Aged) -> None:
    """For people in words, for programs as fields; both name the copy."""
    aged.add()
    copied(aged.archive)
    aged.add()
    aged.archive.close()
    lose(aged.archive.root)
    done = command("rebuild", "--archive", aged.archive.root)
    assert done.returncode == 0 and "It begins with the copy" in done.stdout
    assert (
        "Since that copy: 1 entry from blobs alone, 0 entries with" in done.stdout
        and "so nothing is purged" in done.stdout
    )
    lose(aged.archive.root)
    (found,) = json.loads(command("rebuild", "--archive", aged.archive.root, "--json").stdout)["rebuilt"]
    assert (found["entries"], found["younger"], found["completed"], found["purged_since"]) == (2, 1, 0, 0)
    assert found["copy"].endswith("_metadata.db.gz") and found["copied_at"]
    aged.open()
