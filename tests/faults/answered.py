"""A source that leaves right after the server accepted its only report: acceptance and end are recorded in one commit."""

from __future__ import annotations

from typing import Any

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.sending.items import LONGEST_DELAY, ArchivedItem
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.finishing import Finisher
from pywats_archive.pipeline.processing.in_flight import Completion
from tests.faults.acts import OWN_ID, Act, convert_to, lane
from tests.faults.place import Place

_DOCUMENT = b'{"sn":"S2","id":"%s"}' % OWN_ID.encode()


def convert_to_one(archive: Archive, place: Place) -> None:
    """Archive it, and put a conversion with one report on record."""
    convert_to(archive, place, lambda _archive, _archive_id: (_DOCUMENT,))


def accept_and_finish(post_action: str, *, keeps_documents: bool = True) -> Act:
    """Take it to its end: the server accepts its report, again if a crash came before that was recorded."""

    def act(archive: Archive, place: Place) -> None:
        convert_to_one(archive, place)
        at = lane(archive, place, post_action, archive_output_reports=keeps_documents)
        for arrival in at.ledger.unfinished():
            nothing: Any = None
            finisher = Finisher(nothing, counts=RunCounts(), late_writes=LateWrites(nothing))
            waiting = submissions.due_reports(archive, limit=10, longest_delay=LONGEST_DELAY)
            items = [ArchivedItem(archive=archive, report=report) for report in waiting]
            assert all(item.body() for item in items)
            for item in items:
                completion = Completion(
                    entry=archive.entry(item.report.archive_id),
                    status=ConversionStatus.SUCCESS,
                    requested_action=None,
                    reports=(item.report,),
                )
                finisher.note_sent(archive, arrival, completion)
                assert finisher.accept(item)
            try:
                finisher.finish(at, arrival)
            finally:
                for item in items:
                    finisher.record_accepted(item)

    return act


def expect_accepted(**wanted: list[str]) -> Act:
    """Exactly these files lie in each folder, the only arrival is done, and its report is accepted, once on record."""

    def expect(archive: Archive, place: Place) -> None:
        found = {name: sorted(place.files(name)) for name in ("watch", "Done", "Error", "Pending")}
        assert found == {"watch": [], "Done": [], "Error": [], "Pending": []} | wanted, found
        assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 1}]
        (entry,) = archive.find(EntryFilter()).items
        details = archive.details(entry.archive_id)
        assert [(r.report_id, r.submission_state) for r in details.reports] == [(OWN_ID, SubmissionState.ACCEPTED)]
        assert [event.kind for event in details.events].count("report.accepted") == 1

    return expect
