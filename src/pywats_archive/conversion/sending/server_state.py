"""The state of the server, by its answers: whether reports may be sent now, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pywats_archive.conversion.sending.items import LONGEST_DELAY
from pywats_archive.host.server.answers import Answer, SubmitOutcome, Trouble

AT_ONCE = 4
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
LONGEST_SHORT_PAUSE = timedelta(seconds=2)
STOP_FOR_ANOTHER_ID = timedelta(hours=1)
"""Each try may leave another report on such a server, under an id that is unknown here."""
OTHER_IDS_TO_STOP = 3
FAILURES_TO_PAUSE = 3
"""This many failed tries in a row are not caused by one report."""
_PAUSES = frozenset({Trouble.UNREACHABLE, Trouble.BUSY, Trouble.NOT_THE_SERVER})
_REMEMBERED = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTrouble:
    """What is wrong with the server or the connection."""

    since_s: float
    """When the trouble began, by the monotonic clock."""
    reason: str
    kind: Trouble | None = None
    is_stopped: bool = False
    """Whether only an occasional try is made until a person acts."""


def pause_for(answer: Answer, *, failures: int, other_ids: int = 0) -> timedelta | None:
    """Return how long to pause all sending after an answer; None if only its report waits.

    ``failures`` and ``other_ids`` count such answers since a report was last accepted or refused, this one included.
    """
    if answer.trouble is Trouble.ANOTHER_ID and other_ids >= OTHER_IDS_TO_STOP:
        return STOP_FOR_ANOTHER_ID
    if answer.verdict is SubmitOutcome.STOP:
        return LONGEST_DELAY
    if answer.trouble is Trouble.BUSY and answer.retry_after is not None:
        return max(answer.retry_after, FIRST_PAUSE)
    if answer.trouble in _PAUSES or (failures >= FAILURES_TO_PAUSE and answer.trouble is not Trouble.TIMED_OUT):
        growing: timedelta = FIRST_PAUSE * 2 ** min(failures - 1, 16)
        return min(growing, LONGEST_PAUSE)
    return None


class ServerState:
    """Counts the answers; times are seconds of a monotonic clock. ``short_pauses`` shortens pauses, except requested ones."""

    def __init__(self, *, short_pauses: bool = False) -> None:
        self._short_pauses = short_pauses
        self.trouble: ServerTrouble | None = None
        """None if the last answer was about a report."""
        self.has_answered = False
        """Whether the server accepted or refused a report since the start, or since ``reopen``."""
        self._closed_until_s = 0.0
        self._failures = 0
        self._other_ids = 0
        self._answered = 0
        self._denied: dict[str, int] = {}
        """By report: how many other reports the server had answered when it last denied this one."""

    @property
    def stopped_by(self) -> str | None:
        """Why nothing is sent until a person acts, or None."""
        return self.trouble.reason if self.trouble and self.trouble.is_stopped else None

    def free_slots(self, now_s: float) -> int:
        """Return how many reports may be sent at once: none during a pause, one after it."""
        if now_s < self._closed_until_s:
            return 0
        return 1 if self._failures else AT_ONCE

    def on_answer(self, answer: Answer, key: str, now_s: float) -> float:
        """Record the answer for a report; return until when nothing may be sent, or 0."""
        if answer.verdict in (SubmitOutcome.ACCEPTED, SubmitOutcome.REFUSED):
            self._forget_failures()
            self.trouble, self.has_answered, self._answered = None, True, self._answered + 1
            return 0.0
        self._other_ids += answer.trouble is Trouble.ANOTHER_ID
        is_closed = now_s < self._closed_until_s
        self._failures += not is_closed and answer.trouble is not Trouble.TIMED_OUT
        pause = pause_for(answer, failures=max(self._failures, 1), other_ids=self._other_ids)
        if pause is not None and self._is_about_the_report_alone(key):
            pause = None
        if not (is_closed and self.stopped_by):
            self._note_trouble(answer, now_s, pause)
        if pause is not None:
            self._closed_until_s = max(self._closed_until_s, now_s + self._shortened(pause, answer).total_seconds())
        return self._closed_until_s if pause is not None else 0.0

    def reopen(self) -> None:
        """End every pause, because the configuration changed or a person acted."""
        self._forget_failures()
        self._denied.clear()
        if self.trouble and self.trouble.is_stopped:
            self.trouble, self.has_answered = None, False

    def _forget_failures(self) -> None:
        self._failures = self._other_ids = 0
        self._closed_until_s = 0.0

    def _is_about_the_report_alone(self, key: str) -> bool:
        """Whether the server has accepted or refused other reports since it last denied this one."""
        before = self._denied.pop(key, self._answered)
        self._denied[key] = self._answered
        if len(self._denied) > _REMEMBERED:
            del self._denied[next(iter(self._denied))]
        return before < self._answered

    def _note_trouble(self, answer: Answer, now_s: float, pause: timedelta | None) -> None:
        self.trouble = ServerTrouble(
            since_s=self.trouble.since_s if self.trouble else now_s,
            reason=answer.reason,
            kind=answer.trouble,
            is_stopped=pause is not None and (answer.verdict is SubmitOutcome.STOP or pause == STOP_FOR_ANOTHER_ID),
        )

    def _shortened(self, pause: timedelta, answer: Answer) -> timedelta:
        is_own = answer.retry_after is None or answer.trouble is not Trouble.BUSY
        return min(pause, LONGEST_SHORT_PAUSE) if self._short_pauses and is_own else pause
