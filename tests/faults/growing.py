"""A source whose program writes on after it was archived: before it leaves the watch folder, and where it lies in Done."""

from __future__ import annotations

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.models.arrival import ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from tests.faults.acts import DOCUMENTS, OWN_ID, Act, archive_it, enter_what_is_new, finish_it, lane, submit_it
from tests.faults.place import Place

MORE = b", and the rest"
GROWN = (DOCUMENTS[0], b'{"sn":"S2","limit":5}', b'{"sn":"S3"}')
"""Reports of a file that a unit was appended to: one as it was, one corrected, and a new one, none of them with an id."""


def submit_and_grow(archive: Archive, place: Place) -> None:
    """Take it to where the server has its reports; its program appends to it meanwhile."""
    submit_it(archive, place)
    place.grow("watch", "unit.log", MORE)


def finish_then_see(post_action: str) -> Act:
    """Take it to its end before any scan sees that it grew, then to the end as the source that it is by now."""

    def act(archive: Archive, place: Place) -> None:
        for _ in range(2):
            finish_it(post_action)(archive, place)
            enter_what_is_new(lane(archive, place), place)

    return act


def finish_and_grow(archive: Archive, place: Place) -> None:
    """Take it to its end; its program, which still has it open, appends to it in Done."""
    finish_it("move")(archive, place)
    place.grow("Done", "unit.log", MORE)


def look_afterwards(archive: Archive, place: Place) -> None:
    """Look at what left lately, as each start of a service does, until all that was written to is archived."""
    afterwards = LateWrites(Alerts(lambda: [archive], clock=archive.now))
    at = lane(archive, place)
    afterwards.resume(at)
    for left in afterwards.due(all_of_them=True):
        afterwards.archive(at, left)


def keep_and_append(archive: Archive, place: Place) -> None:
    """Take it to its end where it lies; the tester appends another unit to it."""
    finish_it("keep")(archive, place)
    place.grow("watch", "unit.log", MORE)


def convert_appended(archive: Archive, place: Place) -> None:
    """Take it to its end as the file that it is by now."""
    at = lane(archive, place, "keep")
    enter_what_is_new(at, place)
    archive_it(archive, place)
    for arrival in at.ledger.unfinished():
        if arrival.state is ArrivalState.CONVERTING and arrival.archive_id and at.interceptor:
            at.interceptor.post_convert(
                archive.entry(arrival.archive_id),
                ConversionResult(status=ConversionStatus.SUCCESS, documents=GROWN),
                arrival_id=arrival.arrival_id,
                next_state=NextState(state=ArrivalState.WAITING),
                append=True,
            )
    finish_it("keep")(archive, place)


def expect_appended(archive: Archive, place: Place) -> None:
    """Both contents are archived and done; each unit has one id, and of the later content what is unchanged was not sent."""
    found = sorted(archive.find(EntryFilter()).items, key=lambda entry: entry.archive_id)
    assert len(found) == 2, f"{len(found)} of 2 contents are archived"
    assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 2}]
    rows = [report for entry in found for report in archive.reports_of(entry.archive_id)]
    ids = {unit: {each.report_id for each in rows if each.serial_number == unit} for unit in ("S1", "S2", "S3")}
    assert [len(each) for each in ids.values()] == [1, 1, 1] and ids["S2"] == {OWN_ID}, f"two ids: {ids}"
    latest = {each.serial_number: each for each in rows if each.archive_id == found[1].archive_id}
    assert latest["S1"].last_error == f"unchanged since entry {found[0].archive_id}", latest["S1"]
    assert {latest[unit].submission_state for unit in ("S2", "S3")} == {SubmissionState.ACCEPTED}


def expect_grown(**wanted: list[str]) -> Act:
    """Both contents are archived and done, each with its own reports; what lies in a folder is as it was written last."""

    def expect(archive: Archive, place: Place) -> None:
        found = sorted(archive.find(EntryFilter()).items, key=lambda entry: entry.archive_id)
        assert len(found) == 2, f"{len(found)} of 2 contents are archived"
        last = place.dropped()["unit.log"]
        for folder in ("watch", "Done"):
            assert place.files(folder) == dict.fromkeys(wanted.get(folder, []), last), place.files(folder)
        assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 2}]
        assert [_reports(archive, entry) for entry in found] == [2, 1]

    return expect


def expect_late(archive: Archive, place: Place) -> None:
    """Both contents are archived; the later one is skipped for a reason, as no converter saw it, and still lies in Done."""
    found = sorted(archive.find(EntryFilter()).items, key=lambda entry: entry.archive_id)
    assert len(found) == 2, f"{len(found)} of 2 contents are archived"
    first, later = found
    assert later.conversion_status is ConversionStatus.SKIPPED and "written to after" in (later.conversion_error or "")
    assert [_reports(archive, entry) for entry in (first, later)] == [2, 0]
    assert place.files("Done") == {"unit.log": place.dropped()["unit.log"]} and not place.files("watch")
    assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 1, "skipped": 1}]


def _reports(archive: Archive, entry: ArchiveEntry) -> int:
    """Count the ids under which an entry's reports are sent; a crash may leave one of them with two rows."""
    return len({(report.ordinal, report.report_id) for report in archive.reports_of(entry.archive_id)})
