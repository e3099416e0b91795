"""Waiting work without a running service: what a reader can conclude, since a dead service raises no alert."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.liveness import heartbeat
from pywats_archive.archive.results import submissions
from pywats_archive.archive.sources import reading
from pywats_archive.config.outline import ConverterOutline, StationOutline
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.operation.service import ServiceState, ServiceStatus
from pywats_archive.models.operation.statistics import OpenAlert

NOT_RUNNING = "service.not_running"
_MOST_EXAMINED = 1_000
_DEFAULTS = {False: "*.*", True: "*"}
"""pyWATS' default patterns, of files and of folders."""
_REASONS = {
    ServiceState.STALLED: "the service's main loop gives no sign: check its log, and restart it",
    ServiceState.DIED: "the service did not stop in order and was not restarted: start 'pywats-archive run'",
    ServiceState.STOPPED: "no service is running, so the waiting work is not done: start 'pywats-archive run'",
}


def alert_of(service: ServiceStatus, *, waiting: int, now: datetime) -> OpenAlert | None:
    """Return the alert that no service is running, if needed; after an orderly stop, only while work waits."""
    reason = _REASONS.get(service.state)
    if reason is None or (service.state is ServiceState.STOPPED and not waiting):
        return None
    details: dict[str, object] = {"reason": reason, "waiting": waiting}
    if service.last_sign:
        details["last_sign"] = service.last_sign.isoformat(timespec="seconds")
    subject, since = str(service.root), service.last_sign or service.stopped_at or now
    return OpenAlert(name=NOT_RUNNING, subject=subject, raised_at=since, details=details)


def alerts(archives: Iterable[Archive], station: StationOutline | None, *, now: datetime) -> Iterator[OpenAlert]:
    """Return an alert for each archive whose work nobody does, including configured archives that do not exist yet."""
    using: dict[Path, list[ConverterOutline]] = {}
    for converter in station.converters if station else ():
        if station and converter.archive_enabled:
            using.setdefault(station.archive_root(converter), []).append(converter)
    for archive in archives:
        if found := _alert(archive, using.pop(archive.root, []), now):
            yield found
    for root, converters in using.items():
        waiting = sum(len(_listing(each)) for each in converters)
        if found := alert_of(ServiceStatus(root=root, state=ServiceState.STOPPED), waiting=waiting, now=now):
            yield found


def _alert(archive: Archive, converters: Iterable[ConverterOutline], now: datetime) -> OpenAlert | None:
    if archive.is_read_only:  # a medium or a snapshot, on which no service can work
        return None
    service = heartbeat.status_of(archive.root, now=now)
    if service.state.is_working:
        return None
    return alert_of(service, waiting=_in_hand(archive) + _lying(archive, converters), now=now)


def _in_hand(archive: Archive) -> int:
    """Count the unfinished sources, or else the reports that wait for the server."""
    return ledger.unfinished_count(archive) or submissions.waiting_reports(archive)


def _lying(archive: Archive, converters: Iterable[ConverterOutline]) -> int:
    """Count the sources in the watch folders that are in no ledger yet."""
    number, own = 0, heartbeat.facts_of(archive.root).patterns
    for converter in converters:
        listing = _listing(converter, own.get(converter.name, ()))
        known = ledger.latest_at(archive, converter.name, [item.path for item in listing])
        number += sum(_is_new(known.get(item.path), item) for item in listing)
    return number


def _listing(converter: ConverterOutline, own: Sequence[str] = ()) -> Sequence[os.DirEntry[str]]:
    """List the sources, a thousand per folder at most; empty if the folder cannot be read.

    ``own``: the patterns that the converter's code declares, as its last service recorded them. They apply where the
    configured ones are pyWATS' default; without them, companions would count as sources.
    """
    if not (converter.enabled and converter.watch_folder):
        return ()
    with suppress(OSError), os.scandir(converter.watch_folder) as items:
        return tuple(islice(_sources(items, converter, own), _MOST_EXAMINED))
    return ()


def _sources(
    items: Iterable[os.DirEntry[str]], converter: ConverterOutline, own: Sequence[str]
) -> Iterator[os.DirEntry[str]]:
    is_folders = converter.converter_type == "folder"
    configured = converter.folder_patterns if is_folders else converter.file_patterns
    patterns = own if own and set(configured) == {_DEFAULTS[is_folders]} else configured
    match = re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in patterns) or "(?!)").match
    stations = {
        os.path.normcase(each) for each in (converter.done_folder, converter.error_folder, converter.pending_folder)
    }
    for item in items:
        is_kind = item.is_dir(follow_symlinks=False) if is_folders else item.is_file(follow_symlinks=False)
        is_hidden = item.name.startswith(".") or os.path.normcase(item.path) in stations
        if is_kind and not is_hidden and match(item.name.lower()):
            yield item


def _is_new(known: Arrival | None, item: os.DirEntry[str]) -> bool:
    """Whether the ledger does not know this source; unfinished ones are counted by their state."""
    if known is None or not known.state.is_final:
        return known is None
    if known.moved_to is not None or item.is_dir(follow_symlinks=False):
        return known.moved_to is not None
    with suppress(OSError):
        status = item.stat(follow_symlinks=False)
        return not reading.file_stamp(status).matches(known)
    return False
