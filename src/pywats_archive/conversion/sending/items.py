"""Reports for the server: what the outbox knows of one, and what happens to it after a try."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.source_log import Origin
from pywats_archive.errors import ArchiveError
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.models.report import Report, SubmissionState

MEMORY = "memory"
"""The place of a report that no archive holds."""

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDecision:
    """What happens to a report after a try."""

    state: SubmissionState
    delay: timedelta | None = None
    """How long until the next try; None if there is none."""


def after_try(verdict: SubmitOutcome, *, tries: int) -> RetryDecision:
    """Decide by the server's answer to the ``tries``-th try (1 is the first)."""
    if verdict is SubmitOutcome.ACCEPTED:
        return RetryDecision(state=SubmissionState.ACCEPTED)
    if verdict is SubmitOutcome.REFUSED:
        return RetryDecision(state=SubmissionState.REFUSED)
    if verdict is SubmitOutcome.STOP:
        return RetryDecision(state=SubmissionState.WAITING, delay=LONGEST_DELAY)
    return RetryDecision(state=SubmissionState.WAITING, delay=min(FIRST_DELAY * 2 ** min(tries - 1, 16), LONGEST_DELAY))


class OutboxItem(Protocol):
    """A report that is to be sent to the server."""

    @property
    def key(self) -> str:
        """The unique key of the item."""

    @property
    def report_id(self) -> str:
        """The id that every submission of the report uses."""

    @property
    def tries(self) -> int:
        """How many times the report was tried before."""

    @property
    def is_stored(self) -> bool:
        """Whether an archive holds the report, so that the outbox may drop the item."""

    @property
    def document(self) -> bytes | None:
        """The exact JSON to send, if it is in memory."""

    @property
    def place(self) -> str:
        """Where the report is: an archive's folder, or ``MEMORY``."""

    def body(self) -> bytes:
        """Return the exact JSON to send, read from the archive if necessary."""

    def origin(self) -> Origin:
        """Return the report's source, for the log; read from the archive if necessary."""

    def is_alone_under_its_id(self) -> bool:
        """Whether a report with this id on the server can only be this one."""

    def record_try(self, decision: RetryDecision, answer: Answer, now: datetime) -> None:
        """Record a try."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedItem:
    """A report in an archive; ``document`` saves reading it."""

    archive: Archive
    report: Report
    document: bytes | None = None
    source: Origin | None = None
    """The report's source; it saves reading the entry."""
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

    def origin(self) -> Origin:
        if self.source is not None:
            return self.source
        archive_id = self.report.archive_id
        with suppress(ArchiveError):
            entry = self.archive.entry(archive_id)
            return Origin(converter_name=entry.converter_name, path=entry.source_original_path, archive_id=archive_id)
        return Origin(archive_id=archive_id)

    def is_alone_under_its_id(self) -> bool:
        mine = self.report
        others = (r for r in self.archive.reports_of(mine.archive_id) if r.archived_path != mine.archived_path)
        return all(other.report_id != mine.report_id for other in others)

    def record_try(self, decision: RetryDecision, answer: Answer, now: datetime) -> None:
        reason = None if decision.state is SubmissionState.ACCEPTED else answer.reason
        next_try_at = now + decision.delay if decision.delay else None
        submissions.record_try(self.archive, self.report, state=decision.state, reason=reason, next_try_at=next_try_at)


@dataclass(kw_only=True, eq=False)
class MemoryItem:
    """A report that no archive holds; its source is still in the watch folder."""

    key: str
    report_id: str
    document: bytes
    converter: str
    path: str
    tries: int = 0
    is_stored: bool = False
    place: str = MEMORY

    def body(self) -> bytes:
        return self.document

    def origin(self) -> Origin:
        return Origin(converter_name=self.converter, path=self.path)

    def is_alone_under_its_id(self) -> bool:
        return True

    def record_try(self, decision: RetryDecision, answer: Answer, now: datetime) -> None:
        self.tries += 1
