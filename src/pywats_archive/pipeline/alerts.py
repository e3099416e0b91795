"""Alerts: what a person should know of, told once when it begins and once when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from pywats_archive.archive import standing
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.models.event import Event
from pywats_archive.models.statistics import OpenAlert
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
WORKERS = "workers.unavailable"
FORGOTTEN, UNEXPECTED = "pending.forgotten", "source.unexpected"
PART_FAILING = "service.unexpected"
UNTRUSTED = "note.untrusted"
UNMET, UNCONFIRMED = "size.limit_not_met", "retention.needs_confirmation"
HELD_BACK, CLOCK = "retention.held_back", "retention.clock"
NOT_REMOVED = "retention.not_removed"
LEDGER = "ledger.damaged"
DIFFERS = "policy.differs"
CLOCK_WRONG, REJECTED = "clock.wrong", "config.rejected"
DAMAGED, LATE = "archive.damaged", "archive.not_read_back"
JUDGED_AGAIN = frozenset(
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
        SERVER_AWAY,
        UNAUTHORISED,
        REFUSED,
        OVERDUE,
    }
)
"""Alerts that whoever raises them clears by itself when nothing is wrong, even what it did not raise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Something that is wrong now: what kind of trouble, and with what."""

    name: str
    """The kind, such as ``disk.low``."""
    subject: str
    """What is in trouble: the path of an archive, of a file in one, of a watch folder, or a converter's name."""
    raised_at: datetime
    fields: tuple[tuple[str, object], ...] = ()
    """What was known when it was raised."""


OnNews = Callable[[Alert, bool], None]


class Alerts:
    """The alerts of a running service, each open once per name and subject; safe to use from many threads.

    Each is a log event, and an event in the chain of the archive that its subject lies in (of every open archive when it
    lies in none); an archive that cannot take it fails nothing. That archive keeps it as open too, for who reads it without
    the service. After a restart what is judged over and over stays open; all else is raised again if it is still wrong.
    """

    def __init__(
        self, archives: Callable[[], Sequence[Archive]], *, clock: Clock, on_news: OnNews = lambda alert, is_over: None
    ) -> None:
        """``on_news`` is told of each alert when it begins and when it is over; it must not wait."""
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
        """Raise an alert; one that is open already stays as it is. The fields go into an event, so they must suit JSON."""
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
        """Clear an alert; one that is not open is none. Asking costs next to nothing."""
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
        """Have open, of one kind, what is found now: by subject, the fields of each; asking costs next to nothing."""
        for alert in self._open.values():
            if alert.name == name and alert.subject not in found:
                self.clear(name, alert.subject)
        for subject, fields in found.items():
            self.raise_alert(name, subject, **fields)

    def take_up(self, archive: Archive) -> None:
        """Go on with what an earlier run left open in an archive, as far as it is judged over and over.

        One that was away is told what is open by now.
        """
        with self._mutex, suppress(ArchiveError):
            for left in standing.take_up(archive, JUDGED_AGAIN):
                alert = Alert(
                    name=left.name, subject=left.subject, raised_at=left.raised_at, fields=tuple(left.details.items())
                )
                self._open = {(left.name, left.subject): alert, **self._open}
            for alert in self._open.values():
                if archive in self._chains(alert.subject, archive):
                    standing.keep(archive, _kept(alert))

    def leave(self, archive: Archive) -> None:
        """Have nothing open in an archive that is closed because nobody uses it any more; what is about it is over."""
        for alert in self.open:
            if Path(alert.subject).is_relative_to(archive.root):
                self.clear(alert.name, alert.subject)
        with self._mutex, suppress(ArchiveError):
            standing.take_up(archive, ())

    def _put_on_record(self, kind: str, alert: Alert, details: dict[str, object], *, is_over: bool) -> None:
        """Tell its archives; what is over is open in no other one either: it may have been its archive's, which was away."""
        told = {**details, "alert": alert.name, "subject": alert.subject}
        chains = self._chains(alert.subject)
        for archive in self._archives():
            with suppress(ArchiveError):
                if archive in chains:
                    event = Event(kind=kind, at=self._now(), details=told)
                    standing.record(archive, _kept(alert), event, is_over=is_over)
                elif is_over:
                    standing.drop(archive, _kept(alert))

    def _chains(self, subject: str, *more: Archive) -> Sequence[Archive]:
        archives = (*self._archives(), *more)
        own = [archive for archive in archives if Path(subject).is_relative_to(archive.root)]
        return own or archives


def _kept(alert: Alert) -> OpenAlert:
    return OpenAlert(name=alert.name, subject=alert.subject, raised_at=alert.raised_at, details=dict(alert.fields))
