from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged, blobs

from pywats_archive.archive import holds, purging
from pywats_archive.archive.audit import scrub_log
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.results import reports, submissions
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import (
    BlobMissing,
    NeedsConfirmation,
    PurgeRunning,
    RetentionHeldBack,
    SourceChanged,
    UnknownEntry,
)
from pywats_archive.integrity.verify import verify
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import Problem, ProblemKind, Thoroughness
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.portable import names
from pywats_archive.retention import enforcing

POLICY = RetentionPolicy(converter_name="c", retention_days=30)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def test_what_is_too_old_goes_with_all_its_blobs_and_its_row_stays(aged: Aged) -> None:
    """Source, companions and reports of an old entry are gone, its day's folder too; row and history say so (invariant 7)."""
    old, new = aged.add(days_ago=31, companion=True), aged.add(days_ago=30)
    done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert (done.archives_purged, done.by_reason) == (1, {"retention_days": 1})
    assert done.bytes_freed == old.disk_size_bytes > 0
    assert all(new.archive_id in path for path in blobs(aged.archive))
    assert not (aged.archive.root / old.source_archived_path).parent.exists()
    details = aged.archive.details(old.archive_id)
    assert details.entry.purged_at == aged.now and details.reports
    (event,) = [event for event in details.events if event.kind == "entry.purged"]
    assert (event.details["reason"], event.details["checksum"]) == ("retention_days", old.source_checksum)
    with pytest.raises(BlobMissing, match="was purged on 2026-11-24"):
        restore_source(aged.archive, old.archive_id, aged.base)
    assert [each.problem for each in verify(aged.archive, Thoroughness()) if each.problem] == []


def test_the_oldest_go_until_the_rest_fits(aged: Aged) -> None:
    """Above the size limit the oldest go, as the file system counts, and no more than needed."""
    entries = [aged.add(days_ago=9 - number) for number in range(10)]
    limit = sum(entry.disk_size_bytes for entry in entries[4:])
    policy = RetentionPolicy(converter_name="c", max_size_gb=limit / 1e9)
    expected = [entry.archive_id for entry in entries[:4]]
    assert [each.archive_id for each in enforcing.preview(aged.archive, policy)] == expected
    done = enforcing.enforce(aged.archive, policy, confirmed=True)
    assert (done.by_reason, done.over_bytes, done.remaining_bytes) == ({"max_size_gb": 4}, 0, limit)
    assert enforcing.enforce(aged.archive, policy, confirmed=True).archives_purged == 0


@pytest.mark.parametrize(
    ("obstacle", "made"),
    [
        ("pending", {"status": None}),
        ("pending", {"status": ConversionStatus.SUSPENDED}),
        ("unsubmitted", {"submission": SubmissionState.WAITING}),
        ("unsubmitted", {"submission": SubmissionState.REFUSED}),
    ],
)
def test_what_is_on_its_way_stays(aged: Aged, obstacle: str, made: dict[str, object]) -> None:
    """An entry that is not converted, suspended, or not accepted by the server is kept, and that is told (invariant 7)."""
    entry = aged.add(days_ago=100, **made)  # type: ignore[arg-type]
    done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert (done.archives_purged, done.kept) == (0, {obstacle: 1})
    assert not aged.archive.entry(entry.archive_id).purged_at


def test_what_was_not_submitted_goes_when_the_policy_says_so(aged: Aged) -> None:
    """With ``purge_unsubmitted`` an entry goes whose report waits, and that report is not sent from nothing."""
    entry = aged.add(days_ago=100, submission=SubmissionState.WAITING)
    policy = RetentionPolicy(converter_name="c", retention_days=30, purge_unsubmitted=True)
    assert enforcing.enforce(aged.archive, policy, confirmed=True).archives_purged == 1
    (report,) = aged.archive.reports_of(entry.archive_id)
    assert report.submission_state is SubmissionState.WITHHELD and submissions.waiting_reports(aged.archive) == 0


def test_what_is_held_stays_until_it_is_released(aged: Aged) -> None:
    """A hold keeps an entry from policies and people, with who, when and why; released, it goes its way (invariant 7)."""
    entry = aged.add(days_ago=100)
    holds.hold(aged.archive, entry.archive_id, "complaint 17", actor="quality")
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).kept == {"held": 1}
    assert enforcing.purge_named(aged.archive, [entry.archive_id], actor="it").kept == {"held": 1}
    (held,) = holds.holds(aged.archive)
    assert (held.hold_reason, held.held_by, held.held_at) == ("complaint 17", "quality", aged.now)
    holds.release(aged.archive, [entry.archive_id], actor="quality")
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).archives_purged == 1
    kinds = [event.kind for event in aged.archive.details(entry.archive_id).events]
    assert kinds[-3:] == ["hold.added", "hold.released", "entry.purged"]
    with pytest.raises(UnknownEntry, match="was purged"):
        holds.hold(aged.archive, entry.archive_id, "too late", actor="quality")


def test_a_hold_that_comes_while_the_plan_is_made_counts(aged: Aged) -> None:
    """What is held between plan and purge is not purged: the commit looks again (invariant 7)."""
    entry = aged.add(days_ago=100)
    batch = purging.Batch(converter_name="c", reason=PurgeReason.MANUAL, archive_ids=[entry.archive_id])
    holds.hold(aged.archive, entry.archive_id, "just now", actor="quality")
    assert purging.purge(aged.archive, batch) == purging.Purged(entries=0, bytes_freed=0)
    assert (aged.archive.root / entry.source_archived_path).exists() and purging.history(aged.archive) == ()


def test_a_large_purge_needs_confirmation(aged: Aged) -> None:
    """More than a fifth at once is refused before anything is gone, unless it, or the stored policy, is confirmed."""
    for days_ago in (100, 99, 3, 2, 1):
        aged.add(days_ago=days_ago)
    with pytest.raises(NeedsConfirmation, match="2 of 5 entries"):
        enforcing.enforce(aged.archive, POLICY, confirmed=False)
    aged.archive.policies.set(POLICY, actor="it", confirmed=False)
    with pytest.raises(NeedsConfirmation):
        enforcing.enforce(aged.archive, POLICY)
    aged.archive.policies.confirm("c", actor="it")
    assert enforcing.enforce(aged.archive, POLICY).archives_purged == 2


def test_nothing_is_purged_while_damage_is_open(aged: Aged) -> None:
    """An open finding stops every purge, but for what is named by hand with the damaged in mind."""
    entry = aged.add(days_ago=100)
    path = entry.source_archived_path
    damaged = Problem(kind=ProblemKind.BLOB_DAMAGED, path=path, archive_id=entry.archive_id, message="bad")
    reading = scrub_log.EntryCheck(
        archive_id=entry.archive_id, paths=(damaged.path,), read_bytes=1, problems=(damaged,)
    )
    scrub_log.record(aged.archive, [reading])
    with pytest.raises(RetentionHeldBack, match="damage is open \\(bad\\)"):
        enforcing.enforce(aged.archive, POLICY, confirmed=True)
    done = enforcing.purge_named(aged.archive, [entry.archive_id], actor="it", even_damaged=True)
    assert done.archives_purged == 1 and scrub_log.findings(aged.archive) == ()


def test_a_clock_set_back_stops_the_purge(aged: Aged) -> None:
    """While the clock is earlier than the newest entry nothing is purged, however old."""
    aged.add(days_ago=100)
    aged.add()
    aged.now -= timedelta(hours=1)
    with pytest.raises(RetentionHeldBack, match="correct the clock"):
        enforcing.enforce(aged.archive, POLICY, confirmed=True)


def test_one_purge_at_a_time(aged: Aged) -> None:
    """A second purge is refused while one goes on."""
    aged.add(days_ago=100)
    with purging.purging(aged.archive), pytest.raises(PurgeRunning):
        enforcing.enforce(aged.archive, POLICY, confirmed=True)


def test_a_purge_that_was_cut_off_is_finished_at_the_next_start(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """On record as purged and not gone yet: recovery removes the bytes (invariants 5 and 7)."""
    entry = aged.add(days_ago=100, companion=True)

    def cut(paths: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(aged.archive.blobs, "remove_durably", cut)
    with pytest.raises(KeyboardInterrupt):
        enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert len(blobs(aged.archive)) == 3 and aged.archive.entry(entry.archive_id).purged_at
    aged.archive.close()
    assert recover(aged.open()).purges == 1
    assert blobs(aged.archive) == [] and not purging.is_any_unfinished(aged.archive)


def test_a_source_whose_entry_is_purged_meanwhile_is_archived_anew(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same source again goes on as its entry, unless that is purged between the look and the commit (invariant 1)."""
    path = aged.base / "again.csv"
    path.write_bytes(b"same")
    new = ingest.NewSource(path=path, converter_name="c")
    first = ingest.archive_source(aged.archive, new)
    aged._convert(first, ConversionStatus.SUCCESS, SubmissionState.ACCEPTED)
    go_on = ingest._go_on

    def purged_first(draft: object, entry: object) -> object:
        enforcing.purge_named(aged.archive, [first.archive_id], actor="it")
        return go_on(draft, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "_go_on", purged_first)
    with pytest.raises(SourceChanged, match="was just purged"):
        ingest.archive_source(aged.archive, new)
    assert ingest.archive_source(aged.archive, new).archive_id != first.archive_id


def test_verify_finds_a_purge_that_history_does_not_tell_of(aged: Aged) -> None:
    """A row that was made to say that it is purged is found, and so is a blob that came back (invariant 8)."""
    gone, hidden = aged.add(days_ago=50), aged.add(days_ago=2)
    content = (aged.archive.root / gone.source_archived_path).read_bytes()
    enforcing.enforce(aged.archive, POLICY, confirmed=True)
    aged.archive.write(lambda tx: tx.exec_driver_sql("UPDATE archive_entries SET purged_at = created_at"))
    back = aged.archive.root / gone.source_archived_path
    back.parent.mkdir(parents=True)
    back.write_bytes(content)
    aged.archive.close()  # what lies in an archive without an owner is not about to get its row
    with Archive.open(aged.archive.root) as archive:
        problems = [each.problem for each in verify(archive, Thoroughness()) if each.problem]
    found = {(problem.kind, problem.archive_id) for problem in problems}
    assert (ProblemKind.RECORD_ALTERED, hidden.archive_id) in found
    assert (ProblemKind.BLOB_UNKNOWN, gone.archive_id) in found


def test_a_folder_that_was_emptied_is_made_again(aged: Aged) -> None:
    """A report that comes to an entry whose day's folder was removed as empty is archived all the same."""
    entry = aged.add(days_ago=5, status=ConversionStatus.FAILED)
    folder = aged.archive.root / "reports" / f"{aged.now - timedelta(days=5):%Y/%m/%d}"
    reports.add_report(aged.archive, entry.archive_id, b'{"sn":"1"}')
    for blob in folder.iterdir():
        names.unlink(blob)
    folder.rmdir()
    assert reports.add_report(aged.archive, entry.archive_id, b'{"sn":"2"}').archived_path


def test_nobody_agreed_to_what_nobody_said(aged: Aged) -> None:
    """An archive that never had a policy is not purged of more than a fifth by the built-in one, until a person agrees."""
    for days_ago in (200, 100, 3):
        aged.add(days_ago=days_ago)
    builtin = aged.archive.policies.effective("c")
    enforcing.confirm_small_policies(aged.archive, now=aged.now)
    with pytest.raises(NeedsConfirmation):
        enforcing.enforce(aged.archive, builtin)
    aged.archive.policies.confirm("c", actor="it")
    assert enforcing.enforce(aged.archive, builtin).archives_purged == 2


def test_a_policy_that_is_no_surprise_now_is_agreed_to(aged: Aged) -> None:
    """What purges no more than a fifth of any converter at first may purge whatever comes due later."""
    aged.add()
    enforcing.confirm_small_policies(aged.archive, now=aged.now)
    aged.now += timedelta(days=200)
    assert enforcing.enforce(aged.archive, aged.archive.policies.effective("c")).archives_purged == 1


@pytest.mark.parametrize("is_doubted", [False, True])
def test_the_size_limit_of_a_compliant_archive_purges_nothing(aged: Aged, is_doubted: bool) -> None:
    """Each entry stays until it is due by age, so that nobody can push it out by many others; what stays is named."""
    tiny = replace(POLICY, max_size_gb=1e-6)
    aged.archive.policies.set(tiny, actor="os:ann", confirmed=True)
    failed = aged.add(days_ago=31, status=ConversionStatus.FAILED)
    due, young = aged.add(days_ago=31), aged.add(days_ago=29)
    aged.archive.compliance.begin(actor="os:ann")
    trust = replace(enforcing.trust_in(aged.archive), doubt="it jumped" if is_doubted else None)
    done = enforcing.enforce(aged.archive, tiny, trust=trust, even_doubted=True)
    gone = [each.archive_id for each in (failed, due, young) if aged.archive.details(each.archive_id).entry.purged_at]
    assert gone == ([] if is_doubted else [due.archive_id])
    assert done.kept == {"min_days": 3 if is_doubted else 2} and done.over_bytes > 0
