"""A line for each converter that is enabled, and one for each archive that it used before and that has work left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import structlog

from pywats_archive.archive import ledger
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveAway, ArchiveError
from pywats_archive.host.job import job_for
from pywats_archive.host.settings import neighbours
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.pipeline.deferred import spool
from pywats_archive.pipeline.lanes import relocated
from pywats_archive.pipeline.lanes.away import AwayBooks
from pywats_archive.pipeline.lanes.lane import Line, Mark, mark_of
from pywats_archive.pipeline.lanes.ledgers import Books, MemoryBooks
from pywats_archive.pipeline.mounts.pool import Staff
from pywats_archive.pipeline.processing.sharing import share

log = structlog.get_logger()

_NO_BOOKS = cast(Books, None)
"""Until a line has its own."""


def make_lines(station: StationConfig, staff: Staff, *, before: Sequence[Line] = ()) -> list[Line]:
    """Make a line for each enabled converter, by priority; what only memory knows goes over from the lines before.

    A converter has another one for each archive that it used before and that has something to bring to its end.
    """
    owed_before: dict[str, set[int]] = {}
    for line in before:
        owed_before.setdefault(line.name, line.owed).update(line.owed)
    remembered = {(line.name, line.root): line.books for line in before if line.archive is None}
    enabled = sorted((c for c in station.converters if c.enabled), key=lambda c: c.priority)
    lines = [_line(config, station, staff, remembered) for config in enabled]
    share(lines)
    _follow(lines, station, staff)
    for line in tuple(lines):
        lines.extend(add_formers(line, station, staff))
        line.left |= _left_before(line, before)
    for line in lines:  # the same set, to which what is being sent is still added
        line.owed = owed_before.get(line.name, line.owed)
    _open_waiting(station, staff, used={line.root for line in lines})
    return lines


def _left_before(line: Line, before: Sequence[Line]) -> dict[str, Mark]:
    """Give what was not to be taken before, and what the archive left in the watch folder that the converter had until now."""
    left: dict[str, Mark] = {}
    for each in (each for each in before if each.name == line.name and each.takes_new):
        left |= each.left
        if each.archive and each.root != line.root:
            known = dict(each.known)
            with suppress(ArchiveError):
                known |= each.books.latest_at(list(each.stale))
            left |= {a.path: mark_of(a) for a in known.values() if a.state.is_final and not a.moved_to}
    return left


def _line(
    config: ConverterConfig,
    station: StationConfig,
    staff: Staff,
    remembered: Mapping[tuple[str, Path | None], Books],
) -> Line:
    job = job_for(config, station)
    line = Line(config=config, job=job, description=None, books=_NO_BOOKS)
    staff.describe(line)
    if line.watches:
        line.folder = staff.watch_folder(config)
        line.spared = neighbours.spared(config, station)
    if not config.archive_enabled:
        before = remembered.get((config.name, None))
        line.books = before or MemoryBooks(config.name, clock=staff.now)
        return line
    line.root = station.archive_root(config)
    line.room = staff.rooms(station)[line.root]
    try:
        staff.equip(line)
    except ArchiveAway as exc:
        before = remembered.get((config.name, line.root))
        line.books = before or AwayBooks(config.name, clock=staff.now)
        line.away = exc
    return line


def add_formers(line: Line, station: StationConfig, staff: Staff) -> tuple[Line, ...]:
    """Add lines for whatever an archive has to bring to its end of a converter as it was before: elsewhere, or renamed.

    Asked is every archive that this configuration ever made. What was only seen there goes on as the converter's sources do
    now. One that cannot be asked, or opened, is left, and the log says so; the converter's own is asked when it is back.
    """
    if line.is_unasked:
        _follow((line,), station, staff)
    there = {(former.name, former.root) for former in line.formers}
    made: list[Line] = []
    for root in staff.known_roots(station):
        if line.away and root == line.root:
            continue
        with _told(root):
            for name in _names_in(root, line, station, staff):
                if (name, root) not in there:
                    made.extend(_former(line, name, root, station, staff))
    line.formers = (*line.formers, *made)
    line.is_unasked = line.away is not None
    return tuple(made)


def _follow(lines: Sequence[Line], station: StationConfig, staff: Staff) -> None:
    """Have the archives know where sources in hand lie now, where their watch folder has another name, or whose it is now.

    What is in hand in the folder of a line for another converter goes on under that one's name, and the line leaves it.
    """
    for root in station.archive_roots(even_unused=True):
        if str(root) in staff.known_archives:
            with _told(root):
                _follow_in(root, lines, station, staff)


def _follow_in(root: Path, lines: Sequence[Line], station: StationConfig, staff: Staff) -> None:
    with staff.reading(root) as archive:
        in_hand = relocated.in_hand_elsewhere(archive, station)
        places = relocated.places_now(archive, in_hand, lines, station)
    if places:
        log.warning("sources.relocated", root=str(root), sources=len(places))
        ledger.relocate(staff.archive(root), places)
    for line in (line for line in lines if line.takes_new):
        theirs = relocated.of_others(root, in_hand, line, station)
        if seen := [arrival for arrival in theirs if arrival.state is ArrivalState.SEEN]:
            ledger.leave(staff.archive(root), seen, **_LEFT_UNDER[False])
        line.left |= {a.path: mark_of(a) for a in theirs if a.state is not ArrivalState.SEEN and not _is_set_aside(a)}


def _is_set_aside(arrival: Arrival) -> bool:
    """Whether a source lies in Pending; one on its way back from there may lie in its watch folder already."""
    return arrival.moved_to is not None and os.path.lexists(arrival.moved_to)


def _names_in(root: Path, line: Line, station: StationConfig, staff: Staff) -> tuple[str, ...]:
    """Return the names by which an archive may know a line's sources, but for its own where it uses that archive."""
    own = () if root == line.root else (line.name,)
    if not line.watches:
        return own
    with staff.reading(root) as archive:
        names = ledger.converter_names(archive)
    here = relocated.watching_with(line.config, station)
    gone = (name for name in names if name not in here and not relocated.is_there(name, root, station))
    return (*own, *gone)


def _former(line: Line, name: str, root: Path, station: StationConfig, staff: Staff) -> Iterator[Line]:
    """Give a line for what an archive has by ``name`` of a line's sources, if there is need of it."""
    config = line.config.model_copy(update={"name": name})
    former = Line(config=config, job=line.job, description=None, books=_NO_BOOKS, is_finishing=True)
    former.root, former.folder, former.spared, former.room = root, line.folder, line.spared, staff.room(root)
    is_named = root in station.archive_roots(even_unused=True)
    found = _unfinished_in(former, staff, is_named=is_named)
    in_hand = [arrival for arrival in found if arrival.state is not ArrivalState.SEEN]
    if len(found) > len(in_hand) and line.watches:
        seen = [arrival for arrival in found if arrival.state is ArrivalState.SEEN]
        ledger.leave(staff.archive(root), seen, **_LEFT_UNDER[name == line.name])
    _leave_kept(line, former, staff)
    line.left |= {a.path: mark_of(a) for a in in_hand if not _is_set_aside(a)}
    is_owed_to = is_named and (line.root is None or name != line.name) and spool.is_any(config)
    if (in_hand or is_owed_to) and _is_heir(line, name, station):
        staff.describe(former)
        staff.equip(former)
        log.info("archive.finishing", converter=name, root=str(root), sources=len(in_hand))
        yield former


_LEFT_UNDER = {
    True: {"reason": "the configuration names this archive no more for the converter", "where": "without this archive"},
    False: {"reason": "no converter of this name watches its folder any more", "where": "under another name"},
}
"""What becomes of sources that were only seen, by whether their converter has its name still."""


def _is_heir(line: Line, name: str, station: StationConfig) -> bool:
    """Tell whether a line goes on with what is known by ``name``: of several that watch its folder it may be any."""
    watching = [c for c in station.converters if c.enabled and c.watch_folder == line.config.watch_folder]
    return name == line.name or len(watching) == 1


def _unfinished_in(former: Line, staff: Staff, *, is_named: bool) -> list[Arrival]:
    """Give what an archive has of a line's watch folder: it may be another station's, of which this one is a copy."""
    assert former.root is not None
    with staff.reading(former.root) as archive:
        found = ledger.unfinished(archive, former.name)
    folder = former.config.watch_folder
    return [a for a in found if (os.path.dirname(a.path) == folder if former.watches else is_named)]  # noqa: PTH120


def _leave_kept(line: Line, former: Line, staff: Staff) -> None:
    """Leave what an archive left in the watch folder, as with KEEP: it would go out under a second id."""
    try:
        listing, _ = line.listing() if line.watches else ({}, ())
    except OSError:  # told elsewhere
        return
    assert former.root is not None
    with staff.reading(former.root) as archive:
        at = ledger.latest_at(archive, former.name, list(listing))
    line.left |= {p: mark_of(a) for p, a in at.items() if a.state.is_final and line.accounts_for(a, listing[p])}


def is_finished(former: Line) -> bool:
    """Tell whether all that such a line was made for has come to its end."""
    if former.archive is None or spool.is_any(former.config):
        return False
    return former.name not in ledger.unfinished_counts(former.archive)


def _open_waiting(station: StationConfig, staff: Staff, *, used: AbstractSet[Path | None]) -> None:
    """Open those archives too that no line uses and in which something waits: reports are sent, sources are told of."""
    for root in station.archive_roots(even_unused=True):
        if root not in used and str(root) in staff.known_archives:
            with _told(root):
                with staff.reading(root) as archive:
                    waits = ledger.is_any_waiting(archive)
                if waits:
                    staff.archive(root)


@contextmanager
def _told(root: Path) -> Iterator[None]:
    """Go on without an archive that no line needs; the log says so."""
    try:
        yield
    except ArchiveError as exc:
        log.warning("archive.left", root=str(root), reason=str(exc))
