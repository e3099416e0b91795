"""Alerts on the server, and on reports that cannot be sent, from the state of the outbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.sending.outbox import OutboxState
from pywats_archive.errors import ArchiveError
from pywats_archive.host.server.answers import Trouble
from pywats_archive.pipeline.alerting.alerts import SERVER_AWAY, UNAUTHORISED, UNSENDABLE, Alerts

AWAY_AFTER = timedelta(minutes=15)
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def server_alert(state: OutboxState, now_s: float) -> tuple[str, str] | None:
    """Decide which alert a trouble with the server raises, if any, with its reason; ``now_s`` is of the monotonic clock."""
    trouble = state.trouble
    if trouble is None:
        return None
    if trouble.is_stopped:
        return UNAUTHORISED if trouble.kind is Trouble.UNAUTHORISED else SERVER_AWAY, trouble.reason
    if now_s - trouble.since_s >= AWAY_AFTER.total_seconds():
        return SERVER_AWAY, trouble.reason
    return None


def unsendable_alerts(state: OutboxState) -> Mapping[str, dict[str, Any]]:
    """Return the places whose reports cannot be sent, each with its first reason."""
    found: dict[str, dict[str, Any]] = {}
    for each in (*state.unreadable_archives, *state.unsendable):
        found.setdefault(each.place, {"reason": each.reason})
    return found


class ServerWatch:
    """Raises and clears the alerts. ``address``: the server's address, which is the alert's subject without credentials."""

    def __init__(self, alerts: Alerts, archives: Callable[[], Sequence[Archive]]) -> None:
        self._alerts = alerts
        self._archives = archives

    def check(self, state: OutboxState, address: str, now_s: float) -> None:
        """Raise and clear alerts by the state of the outbox; cheap while nothing is wrong."""
        self._alerts.sync(UNSENDABLE, unsendable_alerts(state))
        open_ones = [alert for alert in self._alerts.open if alert.name in (SERVER_AWAY, UNAUTHORISED)]
        if state.trouble is None and not open_ones:
            return
        subject = _CREDENTIALS.sub("//", address) or "the server"
        wanted = server_alert(state, now_s) if self._anything_waits(state) else None
        is_unknown = state.trouble is None and not state.has_answered and self._anything_waits(state)
        for alert in open_ones:
            is_same = alert.subject == subject
            is_still_so = wanted is not None and alert.name == wanted[0]
            if not is_same or not (is_still_so or is_unknown):
                self._alerts.clear(alert.name, alert.subject)
        if wanted is not None:
            self._alerts.raise_alert(wanted[0], subject, reason=wanted[1])

    def _anything_waits(self, state: OutboxState) -> bool:
        if state.in_flight or state.queued:
            return True
        for archive in self._archives():
            with suppress(ArchiveError):
                if submissions.waiting_reports(archive):
                    return True
        return False
