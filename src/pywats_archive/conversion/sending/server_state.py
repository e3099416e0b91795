"""How the server stands, by its answers: whether anything may be sent to it now, and how much at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pywats_archive.conversion.sending.items import LONGEST_DELAY
from pywats_archive.host.server.answers import Answer, SubmitOutcome, Trouble

AT_ONCE = 4
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
LONGEST_IMPATIENT_PAUSE = timedelta(seconds=2)
STOP_FOR_ANOTHER_ID = timedelta(hours=1)
"""Each try may leave one more report at such a server, under an id that nobody knows here."""
OTHER_IDS_TO_STOP = 3
FAILURES_TO_PAUSE = 3
"""So many tries in a row that nobody took are no fault of a report."""
_PAUSES = frozenset({Trouble.UNREACHABLE, Trouble.BUSY, Trouble.NOT_THE_SERVER})
_REMEMBERED = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTrouble:
    """What is wrong with the server, or on the way to it."""

    since_s: float
    """When it began, of the monotonic clock."""
    reason: str
    kind: Trouble | None = None
    is_stopped: bool = False
    """Whether nothing is sent until a person acts, apart from a try now and then."""


def pause_for(answer: Answer, *, failures: int, other_ids: int = 0) -> timedelta | None:
    """Decide how long nothing is sent after an answer; None: only its report waits.

    ``failures`` and ``other_ids`` are the answers of their kind since a report was last taken, this one included.
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
    """Counts the answers; times are seconds of a monotonic clock. ``impatient`` makes its own pauses short."""

    def __init__(self, *, impatient: bool = False) -> None:
        self._impatient = impatient
        self.trouble: ServerTrouble | None = None
        """None while the last answer was about a report."""
        self.has_answered = False
        """Whether it took or refused a report since this began, or began again."""
        self._closed_until_s = 0.0
        self._failures = 0
        self._other_ids = 0
        self._taken = 0
        self._denied: dict[str, int] = {}
        """By report, how many the server had taken when it last said that it takes none."""

    @property
    def stopped_by(self) -> str | None:
        """Why a person must act before anything is sent, or None."""
        return self.trouble.reason if self.trouble and self.trouble.is_stopped else None

    def room(self, now_s: float) -> int:
        """How many reports may be on their way at once: none in a pause, one to try after it."""
        if now_s < self._closed_until_s:
            return 0
        return 1 if self._failures else AT_ONCE

    def note(self, answer: Answer, key: str, now_s: float) -> float:
        """Take note of what came of a report; gives until when nothing is to be sent, or 0."""
        if answer.verdict in (SubmitOutcome.ACCEPTED, SubmitOutcome.REFUSED):
            self._forget_failures()
            self.trouble, self.has_answered, self._taken = None, True, self._taken + 1
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
        """Let everything be tried at once: the configuration changed, or a person acted."""
        self._forget_failures()
        self._denied.clear()
        if self.trouble and self.trouble.is_stopped:
            self.trouble, self.has_answered = None, False

    def _forget_failures(self) -> None:
        self._failures = self._other_ids = 0
        self._closed_until_s = 0.0

    def _is_about_the_report_alone(self, key: str) -> bool:
        """Whether the server took others since it last would take nothing when it was sent this one."""
        before = self._denied.pop(key, self._taken)
        self._denied[key] = self._taken
        if len(self._denied) > _REMEMBERED:
            del self._denied[next(iter(self._denied))]
        return before < self._taken

    def _note_trouble(self, answer: Answer, now_s: float, pause: timedelta | None) -> None:
        self.trouble = ServerTrouble(
            since_s=self.trouble.since_s if self.trouble else now_s,
            reason=answer.reason,
            kind=answer.trouble,
            is_stopped=pause is not None and (answer.verdict is SubmitOutcome.STOP or pause == STOP_FOR_ANOTHER_ID),
        )

    def _shortened(self, pause: timedelta, answer: Answer) -> timedelta:
        is_own = answer.retry_after is None or answer.trouble is not Trouble.BUSY
        return min(pause, LONGEST_IMPATIENT_PAUSE) if self._impatient and is_own else pause
