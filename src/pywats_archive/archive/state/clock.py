"""The record of the time in an archive's catalog: the last trusted moment, which survives restarts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pywats_archive.catalog import clock, entries, events, former_clock
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.former_clock import FormerClock
from pywats_archive.models.event import Event
from pywats_archive.models.ids import archive_id, is_archive_id, moment_of
from pywats_archive.models.retention.clock import DAY, UNTIL_THE_END, Known, Misdated, Reading, Voucher, first_known
from pywats_archive.models.time import Clock
from pywats_archive.portable.uptime import Uptimes

Write = Callable[[Callable[[Connection], Any]], Any]
_NO_END = 2**62
Decide = Callable[[Known, Reading], Known]


class ClockRecord:
    """Reads and writes the last trusted moment; safe to use from many threads and beside other processes."""

    def __init__(self, catalog: Catalog, write: Write, now: Clock, uptime: Uptimes) -> None:
        self._catalog = catalog
        self._write = write
        self._now = now
        self._uptime = uptime

    def reading(self) -> Reading:
        """Return the current readings of the clocks."""
        up = self._uptime()
        return Reading(wall=self._now(), boot_id=up.boot_id, uptime_s=up.seconds)

    def known(self) -> Known:
        """Return the last trusted moment, or an estimate for an archive without a record."""
        reading = self.reading()
        with self._catalog.read() as db:
            return clock.known(db) or _first(db, reading)

    def misdated(self, db: Connection) -> Sequence[Misdated]:
        """Return the entries whose ids do not say when they were received.

        Entries of an ongoing doubt count as received at its end, which is later than anything.
        """
        found, known = clock.misdated(db), clock.known(db)
        if known is None or known.doubted_after is None:
            return found
        return [*found, Misdated(after_entry=known.doubted_after, upto_entry=_NO_END, received_by=UNTIL_THE_END)]

    def note_misdated(self) -> None:
        """Record the latest entries as misdated that are a day off the others; a purge by age must come after this.

        They were received while the clock was wrong, even if it was right again before anybody checked it.
        """
        wall = self.reading().wall
        with self._catalog.read() as db:
            if not _out_of_order(db, wall):
                return

        def unit(tx: Connection) -> None:
            for each in _out_of_order(tx, wall):
                clock.add_misdated(tx, each)

        self._write(unit)

    def begin(self) -> None:
        """Create the first record if there is none; idempotent."""
        with self._catalog.read() as db:
            if clock.known(db):
                return
        self.update(lambda known, reading: known)

    def continue_from(self, former: FormerClock | None) -> None:
        """Continue with what the previous catalog knew.

        If that cannot be read, start with the clock as it is: nothing is purged then until a person sets a policy.
        """
        if former is None:
            self.update(lambda known, reading: first_known(reading, recorded_until=None))
        else:
            self._write(lambda tx: former_clock.copy_into(tx, former))

    def update(self, decide: Decide, *, event: Callable[[Known, Reading], Event] | None = None) -> Known:
        """Replace the record by the result of ``decide``, in one commit with ``event``.

        When a doubt begins, the newest entry from before is kept with it. When it ends, all entries after that one count as
        misdated. So do the latest entries whose ids are a day off the trusted time: the clock was right again before
        the next check.
        """

        def unit(tx: Connection) -> Known:
            reading, stored = self.reading(), clock.known(tx)
            before = stored or _first(tx, reading)
            after = decide(before, reading)
            if after.doubted_since and after.doubted_after is None:
                after = replace(after, doubted_after=_newest_before(tx, after, reading))
            is_vouched = _is_vouched(after, reading)
            if not after.doubted_since:
                if before.doubted_after is not None or (is_vouched and not _agrees(before, reading)):
                    _end_doubt(tx, before, reading)
                else:
                    _note_misdated(tx, reading)
            is_trusted = stored is None or is_vouched
            after = replace(after, vouched_upto=clock.newest_entry(tx) if is_trusted else before.vouched_upto)
            clock.put(tx, after)
            if event:
                events.append(tx, event(before, reading))
            return after

        kept: Known = self._write(unit)
        return kept


def _first(db: Connection, reading: Reading) -> Known:
    """Estimate the time of an archive without a record: the end of its history, or its newest entry."""
    newest, last = entries.newest_id(db), None if clock.is_rebuilt(db) else events.last(db)
    recorded = [moment for moment in (moment_of(newest) if newest else None, last.at if last else None) if moment]
    return first_known(reading, recorded_until=max(recorded, default=None), is_disputed=clock.is_doubted(db))


def _is_vouched(known: Known, reading: Reading) -> bool:
    """Whether the server or a person confirmed the clock just now."""
    return known.voucher is not Voucher.NOBODY and known.doubted_since is None and known.at == reading.wall


def _end_doubt(tx: Connection, before: Known, reading: Reading) -> None:
    """Let the entries of a doubt count as received now.

    If the time that was trusted before is not the time that is confirmed now, the clock was wrong before the doubt too: then
    so do all entries since the clock was last confirmed.
    """
    clock.end_misdated(tx, reading.wall)
    upto = clock.newest_entry(tx)
    after = upto if before.doubted_after is None else before.doubted_after
    if before.vouched_upto is not None and not _agrees(before, reading):
        after = min(after, before.vouched_upto)
    if upto > after:
        clock.add_misdated(tx, Misdated(after_entry=after, upto_entry=upto, received_by=reading.wall))


def _agrees(known: Known, reading: Reading) -> bool:
    """Whether the clock shows, within a day, the trusted time and the running time since."""
    since_s = reading.uptime_s - known.uptime_s if known.boot_id == reading.boot_id else 0.0
    return abs(known.at + timedelta(seconds=since_s) - reading.wall) <= DAY


def _newest_before(tx: Connection, known: Known, reading: Reading) -> int:
    """Return the newest entry from before a doubt; some may have been received since the clock is wrong."""
    believed = clock.newest_dated(tx, known.at, near=True)
    return believed if believed is not None else clock.newest_dated(tx, reading.wall, near=False) or 0


def _out_of_order(db: Connection, wall: datetime) -> Sequence[Misdated]:
    """Return the entries whose ids are a day ahead of the clock, or a day older than that of an entry added before them."""
    known, found, newest = clock.misdated(db), list[Misdated](), ""
    ahead = archive_id(wall + DAY, "")
    for number, each in clock.latest(db):
        if not is_archive_id(str(each)) or any(other.after_entry < number <= other.upto_entry for other in known):
            continue  # an altered row is what verify reports
        if each <= ahead and (each >= newest or moment_of(newest) - moment_of(each) <= DAY):
            newest = max(each, newest)
        elif found and found[-1].upto_entry == number - 1:
            found[-1] = replace(found[-1], upto_entry=number)
        else:
            found.append(Misdated(after_entry=number - 1, upto_entry=number, received_by=wall))
    return found


def _note_misdated(tx: Connection, reading: Reading) -> None:
    """Record the latest entries as misdated whose ids are a day off, while earlier ones are not."""
    believed, newest = clock.newest_dated(tx, reading.wall, near=True), clock.newest_entry(tx)
    latest = max((each.upto_entry for each in clock.misdated(tx)), default=0)
    if believed is not None and newest > max(believed, latest):
        after = max(believed, latest)
        clock.add_misdated(tx, Misdated(after_entry=after, upto_entry=newest, received_by=reading.wall))
