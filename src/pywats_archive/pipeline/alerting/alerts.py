"""Alerts: conditions that a person should know of, reported once when raised and once when cleared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from pywats_archive.archive import alerts
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.models.event import Event
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import Clock

log = structlog.get_logger()

DISK_LOW, DISK_FULL = "disk.low", "disk.full"
ARCHIVE_AWAY, ARCHIVE_FAILING = "archive.away", "archive.failing"
STILL_OPEN, EMPTY, WRITTEN_LATE = "source.open", "source.empty", "source.written_late"
WATCH_AWAY, WATCH_TAKEN, UNREADABLE = "watch.away", "watch.taken", "watch.unreadable"
SERVER_AWAY, UNAUTHORISED = "server.away", "server.unauthorised"
REFUSED, OVERDUE, UNSENDABLE = "reports.refused", "reports.overdue", "reports.unsendable"
STUCK = "source.stuck"
NEARLY_FULL, ALMOST_FULL = "size.80_percent", "size.95_percent"
FILLING, FAILING = "disk.filling", "converter.failing"
UNAVAILABLE, GONE, UNNAMED = "converter.unavailable", "converter.gone", "archive.unnamed"
WORKERS, PAGES = "workers.unavailable", "web.unavailable"
FORGOTTEN, UNEXPECTED = "pending.forgotten", "source.unexpected"
PART_FAILING = "service.unexpected"
UNTRUSTED = "note.untrusted"
UNMET, UNCONFIRMED = "size.limit_not_met", "retention.needs_confirmation"
HELD_BACK, CLOCK = "retention.held_back", "retention.clock"
NOT_REMOVED = "retention.not_removed"
LEDGER = "ledger.damaged"
DIFFERS = "policy.differs"
OVERRULED = "compliance.overruled"
CLOCK_WRONG, REJECTED = "clock.wrong", "config.rejected"
DAMAGED, LATE = "archive.damaged", "archive.not_read_back"
NOT_COPIED, NOT_ANCHORED, NOT_STAMPED = "backup.failed", "anchor.failed", "timestamp.failed"
NOT_SHIPPED, VAULT_LATE = "vault.failed", "vault.late"
EVALUATED_AGAIN = frozenset(
    {
        STILL_OPEN,
        EMPTY,
        DISK_LOW,
        DISK_FULL,
        NEARLY_FULL,
        ALMOST_FULL,
        FILLING,
        FAILING,
        UNMET,
        UNCONFIRMED,
        HELD_BACK,
        NOT_REMOVED,
        CLOCK,
        CLOCK_WRONG,
        LATE,
        NOT_COPIED,
        NOT_ANCHORED,
        OVERRULED,
        NOT_STAMPED,
        NOT_SHIPPED,
        VAULT_LATE,
        SERVER_AWAY,
        UNAUTHORISED,
        REFUSED,
        OVERDUE,
    }
)
"""Alerts whose conditions are evaluated again and again, so that they are cleared even if an earlier run raised them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A condition that is open: its kind and its subject."""

    name: str
    """The kind, such as ``disk.low``."""
    subject: str
    """The path of an archive, of a file in one or of a watch folder, or a converter's name."""
    raised_at: datetime
    fields: tuple[tuple[str, object], ...] = ()
    """Details from the time when it was raised."""


OnNews = Callable[[Alert, bool], None]


class Alerts:
    """The alerts of a running service, each open once per name and subject; safe to use from many threads.

    - Each is logged, and is an event of the archive that contains its subject, or of every open archive if none does. An
      archive that cannot record it is no error.
    - The archive also stores it as open, for readers without the service.
    - After a restart, alerts in ``EVALUATED_AGAIN`` stay open; others are raised again if their condition still holds.
    """

    def __init__(
        self, archives: Callable[[], Sequence[Archive]], *, clock: Clock, on_news: OnNews = lambda alert, is_over: None
    ) -> None:
        """``on_news`` is called with each alert when it is raised and when it is cleared; it must not wait."""
        self._archives = archives
        self._now = clock
        self.on_news = on_news
        self._open: dict[tuple[str, str], Alert] = {}
        self._mutex = threading.Lock()

    @property
    def open(self) -> tuple[Alert, ...]:
        """The alerts that are raised and not cleared, oldest first."""
        return tuple(self._open.values())

    def raise_alert(self, name: str, subject: str, **fields: object) -> None:
        """Raise an alert; one that is already open stays as it is. The fields must be JSON values, for the event."""
        if (name, subject) in self._open:
            return
        with self._mutex:
            if (name, subject) in self._open:
                return
            alert = Alert(name=name, subject=subject, raised_at=self._now(), fields=tuple(fields.items()))
            self._open = {**self._open, (name, subject): alert}
            log.error("alert.raised", alert=name, subject=subject, **fields)
            self._put_on_record("alert.raised", alert, dict(fields), is_over=False)
        self.on_news(alert, False)

    def clear(self, name: str, subject: str) -> None:
        """Clear an alert if it is open; cheap if it is not."""
        if (name, subject) not in self._open:
            return
        with self._mutex:
            alert = self._open.get((name, subject))
            if alert is None:
                return
            self._open = {key: each for key, each in self._open.items() if each is not alert}
            since = alert.raised_at.isoformat(timespec="milliseconds")
            log.warning("alert.cleared", alert=name, subject=subject, raised_at=since)
            self._put_on_record("alert.cleared", alert, {"raised_at": since}, is_over=True)
        self.on_news(alert, True)

    def sync(self, name: str, found: Mapping[str, Mapping[str, object]]) -> None:
        """Raise and clear alerts of one kind, so that those in ``found`` are open: fields by subject. Cheap without changes."""
        self.clear_others((name,), found)
        for subject, fields in found.items():
            self.raise_alert(name, subject, **fields)

    def clear_others(self, names: Collection[str], subjects: Collection[str]) -> None:
        """Clear the alerts of these kinds on all subjects but these: what the configuration no longer names, for example."""
        for alert in self.open:
            if alert.name in names and alert.subject not in subjects:
                self.clear(alert.name, alert.subject)

    def resume(self, archive: Archive) -> None:
        """Open the alerts of ``EVALUATED_AGAIN`` that an earlier run left open in an archive.

        The alerts that are open now are stored in it: it may have been away when they were raised.
        """
        with self._mutex, suppress(ArchiveError):
            for earlier in alerts.reopen(archive, EVALUATED_AGAIN):
                alert = Alert(
                    name=earlier.name,
                    subject=earlier.subject,
                    raised_at=earlier.raised_at,
                    fields=tuple(earlier.details.items()),
                )
                self._open = {(earlier.name, earlier.subject): alert, **self._open}
            for alert in self._open.values():
                if archive in self._chains(alert.subject, archive):
                    alerts.put(archive, _as_stored(alert))

    def close_archive(self, archive: Archive) -> None:
        """Clear the alerts on an archive that is closed because no lane uses it, and store none as open there."""
        for alert in self.open:
            if Path(alert.subject).is_relative_to(archive.root):
                self.clear(alert.name, alert.subject)
        with self._mutex, suppress(ArchiveError):
            alerts.reopen(archive, ())

    def _put_on_record(self, kind: str, alert: Alert, details: dict[str, object], *, is_over: bool) -> None:
        """Record an alert in its archives; a cleared one is then open in no archive: others record it while its own is away."""
        recorded = {**details, "alert": alert.name, "subject": alert.subject}
        chains = self._chains(alert.subject)
        for archive in self._archives():
            with suppress(ArchiveError):
                if archive in chains:
                    event = Event(kind=kind, at=self._now(), details=recorded)
                    alerts.record(archive, _as_stored(alert), event, is_over=is_over)
                elif is_over:
                    alerts.clear(archive, _as_stored(alert))

    def _chains(self, subject: str, *more: Archive) -> Sequence[Archive]:
        archives = (*self._archives(), *more)
        own = [archive for archive in archives if Path(subject).is_relative_to(archive.root)]
        return own or archives


def _as_stored(alert: Alert) -> OpenAlert:
    return OpenAlert(name=alert.name, subject=alert.subject, raised_at=alert.raised_at, details=dict(alert.fields))
