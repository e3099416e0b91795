"""Reports on their way: what a parcel is, and what is done with it after each try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.models.report import Report, SubmissionState

MEMORY = "memory"
"""The place of a report that no archive holds."""

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDecision:
    """What to do with a report after a try."""

    state: SubmissionState
    delay: timedelta | None = None
    """When it is tried again; None when it is settled."""


def after_try(verdict: SubmitOutcome, *, tries: int) -> RetryDecision:
    """Decide from the server's answer to the ``tries``-th try (1 for the first)."""
    if verdict is SubmitOutcome.ACCEPTED:
        return RetryDecision(state=SubmissionState.ACCEPTED)
    if verdict is SubmitOutcome.REFUSED:
        return RetryDecision(state=SubmissionState.REFUSED)
    if verdict is SubmitOutcome.STOP:
        return RetryDecision(state=SubmissionState.WAITING, delay=LONGEST_DELAY)
    return RetryDecision(state=SubmissionState.WAITING, delay=min(FIRST_DELAY * 2 ** min(tries - 1, 16), LONGEST_DELAY))


class OutboxItem(Protocol):
    """A report on its way to the server."""

    @property
    def key(self) -> str:
        """What tells it from all other parcels."""

    @property
    def report_id(self) -> str:
        """The id under which it is always submitted."""

    @property
    def tries(self) -> int:
        """How often it was tried before."""

    @property
    def is_stored(self) -> bool:
        """Tell whether an archive holds it, so that the outbox may forget it."""

    @property
    def document(self) -> bytes | None:
        """The exact JSON to be sent, where memory holds it."""

    @property
    def place(self) -> str:
        """Where it is kept: an archive's folder, or memory."""

    def body(self) -> bytes:
        """Give the exact JSON to be sent, read back if need be."""

    def is_alone_under_its_id(self) -> bool:
        """Whether what the server has under the report's id can only be this report."""

    def settle(self, step: RetryDecision, answer: Answer, now: datetime) -> None:
        """Put the try on record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedItem:
    """A report that is durable in an archive; ``document`` saves reading it back."""

    archive: Archive
    report: Report
    document: bytes | None = None
    is_stored: bool = True

    @property
    def key(self) -> str:
        return f"{self.archive.root}/{self.report.archived_path}"

    @property
    def report_id(self) -> str:
        return self.report.report_id

    @property
    def tries(self) -> int:
        return self.report.tries

    @property
    def place(self) -> str:
        return str(self.archive.root)

    def body(self) -> bytes:
        return self.document if self.document is not None else self.archive.document(self.report)

    def is_alone_under_its_id(self) -> bool:
        mine = self.report
        others = (r for r in self.archive.reports_of(mine.archive_id) if r.archived_path != mine.archived_path)
        return all(other.report_id != mine.report_id for other in others)

    def settle(self, step: RetryDecision, answer: Answer, now: datetime) -> None:
        reason = None if step.state is SubmissionState.ACCEPTED else answer.reason
        next_try_at = now + step.delay if step.delay else None
        submissions.record_try(self.archive, self.report, state=step.state, reason=reason, next_try_at=next_try_at)


@dataclass(kw_only=True, eq=False)
class MemoryItem:
    """A report that only memory holds: its source is still in the watch folder."""

    key: str
    report_id: str
    document: bytes
    converter: str
    tries: int = 0
    is_stored: bool = False
    place: str = MEMORY

    def body(self) -> bytes:
        return self.document

    def is_alone_under_its_id(self) -> bool:
        return True

    def settle(self, step: RetryDecision, answer: Answer, now: datetime) -> None:
        self.tries += 1
