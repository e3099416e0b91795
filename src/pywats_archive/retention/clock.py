"""May the clock be believed? A purge by age that follows a wrong clock cannot be undone."""

from __future__ import annotations

from datetime import datetime, timedelta

JUMP = timedelta(hours=1)
"""What a clock and the time that really passed may differ by; time servers correct seconds, summer time changes no UTC."""
LONGEST_REST = timedelta(days=7)
"""How long an archive may have had no event before its service starts, until the clock is doubted."""
DOUBTED_FOR_S = 24 * 3600.0
"""How long a person has to see the alert and to set the clock right."""


class ClockWatch:
    """Compares the clock with the time that passed since it was looked at last, and with the newest event at the start.

    A jump that is taken back is forgotten at once. One that stays is believed after a day.
    """

    def __init__(self, now: datetime, monotonic_s: float, *, newest_event: datetime | None) -> None:
        self._seen, self._seen_s = now, monotonic_s
        self._off_by = timedelta()
        self._since_s = monotonic_s
        if newest_event and not -JUMP <= now - newest_event <= LONGEST_REST:
            self._off_by = now - newest_event

    def doubt(self, now: datetime, monotonic_s: float) -> str | None:
        """Tell why the clock is not believed now, if it is not."""
        jumped = (now - self._seen) - timedelta(seconds=monotonic_s - self._seen_s)
        self._seen, self._seen_s = now, monotonic_s
        if abs(jumped) > JUMP:
            self._off_by += jumped
            self._since_s = monotonic_s
        if abs(self._off_by) <= JUMP or monotonic_s - self._since_s >= DOUBTED_FOR_S:
            self._off_by = timedelta()
            return None
        how = "ahead" if self._off_by > timedelta() else "back"
        hours = abs(self._off_by) / timedelta(hours=1)
        told = f"{hours / 24:.0f} days" if hours > 72 else f"{hours:.0f} hours"
        return f"the clock is {told} {how} of what was expected; set it right, or it is believed a day after it jumped"
