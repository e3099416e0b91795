"""Reports that wait for a person: those that may continue several others, and those with another source's report id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pywats_archive.archive.core import Archive
from pywats_archive.archive.report_ids.assignment import Identity
from pywats_archive.blobs.reading import measure
from pywats_archive.catalog import reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.pairing import Link, Pairing
from pywats_archive.models.report import Report, ReportSummary, SubmissionState


class Asked(Protocol):
    """The requested ids of a conversion's reports."""

    @property
    def new_ids(self) -> bool: ...
    @property
    def allow_same_id(self) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A report as it is recorded, and the warnings for its conversion."""

    report: Report
    warnings: tuple[str, ...] = ()


def decide(tx: Connection, report: Report, identity: Identity, asked: Asked) -> Decided:
    """Decide by the catalog in this transaction whether a report is sent; one that waits for a person is refused."""
    warnings = [identity.warning] if identity.warning else []
    reason = None
    if identity.pair.link is Link.AMBIGUOUS and not asked.new_ids:
        reason = f"not sent: {identity.pair.reason}"
        warnings.append(f"report {report.ordinal} is {reason}")
    elif not (identity.is_ours or identity.pair.is_sent):
        its_id = report.report_id
        if other := same_id_elsewhere(tx, its_id, report.checksum, of=report.archive_id):
            warnings.append(f"report {report.ordinal} has the id of a report of {other.archive_id} ({its_id})")
            reason = None if asked.allow_same_id else f"not sent: {_conflict(other)}"
    if reason is None or report.submission_state is not SubmissionState.WAITING:
        return Decided(report=report, warnings=tuple(warnings))
    what = f"{reason}, or 'pywats-archive reprocess start {report.archive_id} --new-id --submit' sends it as a new one"
    kept = replace(report, submission_state=SubmissionState.REFUSED, last_error=what)
    return Decided(report=kept, warnings=tuple(warnings))


def same_id_elsewhere(db: Connection, report_id: str, checksum: str, *, of: str) -> Report | None:
    """Return another source's report that the server may have under this id; the same document does not count."""
    found = reports.elsewhere(db, report_id, of=of)
    return next((each for each in found if each.may_be_sent and each.checksum != checksum), None)


def trouble(
    archive: Archive, archive_id: str, documents: Sequence[bytes], summaries: Sequence[ReportSummary], pairing: Pairing
) -> str | None:
    """Return why an unrecorded conversion's report would be withheld for its own id; None if none would."""
    with archive.read() as db:
        for pair, body, summary in zip(pairing.pairs, documents, summaries, strict=True):
            if pair.is_sent or not summary.own_id:
                continue
            checksum = measure([body]).checksum
            if other := same_id_elsewhere(db, summary.own_id, checksum, of=archive_id):
                return _conflict(other)
    return None


def _conflict(other: Report) -> str:
    return f"its id is that of a report of {other.archive_id}; set allow_same_id if it is to replace that one"
