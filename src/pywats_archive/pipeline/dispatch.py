"""What the threads do for the lines: each source is taken through, and its end carried out, once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from pywats_archive.conversion.parcels import ArchivedParcel, Parcel
from pywats_archive.errors import ArchiveError, ConversionInterrupted, ConverterUnavailable, SourceOpen
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.afterwards import Left
from pywats_archive.pipeline.busy import Busy
from pywats_archive.pipeline.converting import Waits
from pywats_archive.pipeline.handling import Handling
from pywats_archive.pipeline.held import HeldSources, Key, key
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.stuck import Stuck
from pywats_archive.pipeline.unexpected import Unexpected
from pywats_archive.pipeline.unready import wait_for_end
from pywats_archive.pipeline.work import URGENT, WorkQueue

log = structlog.get_logger()


class Dispatch:
    """Queues work of lines and takes note of how it ended; safe to use from many threads."""

    def __init__(
        self,
        work: WorkQueue,
        handling: Handling,
        held: HeldSources,
        busy: Busy,
        *,
        lines: Callable[[], Sequence[Line]],
        unexpected: Unexpected,
        stuck: Stuck,
    ) -> None:
        self._stuck = stuck
        self._work = work
        self._handling = handling
        self._held = held
        self._busy = busy
        self._lines = lines
        self._unexpected = unexpected
        self._finishing: set[Key] = set()
        self._mutex = threading.Lock()

    def put(self, do: Callable[..., None], line: Line, *given: Arrival | Left, priority: int) -> None:
        """Queue a line's work; its archive stays open meanwhile."""
        self._busy.begin(line)
        self._work.put(self._counted, do, line, *given, priority=priority)

    def take(self, line: Line, arrival: Arrival) -> None:
        """Queue a source to be taken through."""
        line.active.add(arrival.number)
        self.put(self._take, line, arrival, priority=line.config.priority)

    def finish(self, line: Line, arrival: Arrival) -> None:
        """Queue the end of a source, once: two reports may be settled in the same moment."""
        with self._mutex:
            if key(line, arrival) in self._finishing:
                return
            self._finishing.add(key(line, arrival))
        self.put(self._finish, line, arrival, priority=URGENT)

    def settled(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> bool:
        """Take note of what the server did with a report; gives whether there is a source whose end was waiting for it."""
        arrival = self._handling.settled(parcel, state, reason)
        if arrival is not None and not arrival.state.is_final and isinstance(parcel, ArchivedParcel):
            for line in self._lines():
                if line.archive is parcel.archive and line.name == arrival.converter_name:
                    self.finish(line, arrival)
        return arrival is not None

    def _counted(self, do: Callable[..., None], line: Line, *given: Arrival | Left) -> None:
        try:
            with suppress(ConversionInterrupted):  # the service stops
                do(line, *given)
        finally:
            self._busy.end(line)

    def _take(self, line: Line, arrival: Arrival) -> None:
        waits: Waits | None = Waits(reason="an unexpected error; see the log", needs_person=True)
        try:
            is_ended, busy = _is_ended(line, arrival), self._work.is_long
            waits = None if is_ended else self._handling.take(line, arrival, busy=busy)
        except ConversionInterrupted as exc:
            waits = Waits(reason=str(exc), needs_person=False)
            log.info("source.interrupted", converter=line.name, path=arrival.path)
        except ConverterUnavailable as exc:  # the alert tells it, once for all
            waits = Waits(reason=str(exc), needs_person=True)
        except ArchiveError as exc:
            waits = Waits(reason=str(exc), needs_person=True)
            log.error("source.waits", converter=line.name, path=arrival.path, reason=str(exc))
        except Exception as exc:
            waits = self._unexpected.note(line, arrival.path, exc)
        finally:
            self._release(line, arrival, waits)

    def _finish(self, line: Line, arrival: Arrival) -> None:
        same = (each for each in self._lines() if each.name == line.name and each.root == line.root and each.archive)
        line = next(same, line)  # the configuration may have been taken anew since
        waits: Waits | None = None
        known = arrival
        try:
            known = line.books.get(arrival.number) or arrival
            if not known.state.is_final:
                self._handling.finish(line, known)
            self._stuck.over(line, arrival)
        except SourceOpen as exc:
            waits = wait_for_end(line, str(exc))
        except (ArchiveError, OSError) as exc:
            waits = Waits(reason=str(exc), needs_person=True)
            self._stuck.note(line, known, exc)
            log.error("source.not_finished", converter=line.name, path=arrival.path, reason=str(exc))
        except Exception as exc:
            waits = self._unexpected.note(line, arrival.path, exc)
        finally:
            with self._mutex:
                self._finishing.discard(key(line, arrival))
            self._release(line, arrival, waits)

    def _release(self, line: Line, arrival: Arrival, waits: Waits | None) -> None:
        number = arrival.number
        if waits is None or not waits.is_unexpected:
            self._unexpected.over(line, arrival.path)
        if waits is None:
            self._held.release(line, arrival)
            self._held.call(line, number)
        else:
            self._held.hold(line, arrival, waits)
            if waits.behind is not None and _has_ended(line, waits.behind):
                self._held.call(line, waits.behind)
        for each in (*(each for each in self._lines() if line in each.formers), *line.sharers):
            each.is_dirty = True
        line.stale.append(arrival.path)
        if not self._handling.unarchived.holds(line, number):
            line.active.discard(number)
        line.is_dirty = True


def _has_ended(line: Line, number: int) -> bool:
    known = line.books.get(number)
    return known is None or known.state.is_final


def _is_ended(line: Line, arrival: Arrival) -> bool:
    """Tell whether an arrival that was on its way when it was queued has ended since: it was in hand already."""
    known = None if arrival.state is ArrivalState.SEEN else line.books.get(arrival.number)
    return known is not None and known.state.is_final
