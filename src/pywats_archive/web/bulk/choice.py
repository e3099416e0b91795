"""What an action would do to the entries of a view, and the form that carries it out."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from starlette.requests import Request

from pywats_archive.client import Client
from pywats_archive.errors import NeedsConfirmation, UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import MOST_CHOSEN, EntryFilter, SortKey
from pywats_archive.web.jobs.actions import CARRIED_OUT, KEPT, Bulk, Order
from pywats_archive.web.jobs.running import Job
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.views import address

_SHOWN = 20
_KEY = re.compile(r"[0-9a-f]{16}")
_FOLDER_NAME = re.compile(r"[\w.-]*\w", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The entries that an action is for."""

    entries: int
    source_size_bytes: int
    """Of the sources that are still archived."""
    reports: int
    """Of the entries that were not purged."""
    held: int
    purged: int
    checksum: str
    """Of their ids: an order with it is for no others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgeChoice:
    """What a purge of these entries would do."""

    entries: int
    """Entries that would be purged."""
    bytes_freed: int
    kept: dict[str, int]
    """Entries that would stay, by the reason."""
    checksum: str
    """Of the ids of those that would be purged: an order with it is for no others."""


def new_key() -> str:
    """Return the name of a new job."""
    return secrets.token_hex(8)


def wanted_of(view: address.ArchiveView) -> EntryFilter:
    """Return the filter of a view, oldest entries first."""
    return replace(view.wanted(), sort=SortKey.TIME, newest_first=False)


def pinned(view: address.ArchiveView, *, now: datetime) -> address.ArchiveView:
    """Return a view without what comes in from now on, so that the entries that are shown are those that are changed."""
    last = view.wanted().to_date
    if isinstance(last, datetime) or (last and last < now.astimezone().date()):
        return view
    return replace(view, to=now.isoformat(), after="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The entries that match, counted."""

    choice: Choice
    first: tuple[ArchiveEntry, ...]
    ids: tuple[str, ...]


def chosen(client: Client, wanted: EntryFilter) -> Chosen:
    """Count the entries that match; UsageError if there are too many."""
    ids, size, reports, held, purged, first = list[str](), 0, 0, 0, 0, list[ArchiveEntry]()
    for entry in islice(client.entries(wanted), MOST_CHOSEN + 1):
        ids.append(entry.archive_id)
        size += 0 if entry.purged_at else entry.source_size_bytes
        reports += 0 if entry.purged_at else entry.report_count
        held += entry.hold_reason is not None
        purged += entry.purged_at is not None
        first += [entry] if len(first) < _SHOWN else []
    if len(ids) > MOST_CHOSEN:
        raise UsageError(f"more than {MOST_CHOSEN:,} entries match; narrow the dates")
    choice = Choice(
        entries=len(ids),
        source_size_bytes=size,
        reports=reports,
        held=held,
        purged=purged,
        checksum=_checksum(ids),
    )
    return Chosen(choice=choice, first=tuple(first), ids=tuple(ids))


def purge_choice(client: Client, archive_ids: Sequence[str]) -> PurgeChoice:
    """Return what a purge of these entries would do."""
    return _purge_choice(client, archive_ids)[0]


def _purge_choice(client: Client, archive_ids: Sequence[str]) -> tuple[PurgeChoice, frozenset[str]]:
    decided = [each for _, each in client.retention.preview_named(archive_ids)]
    kept = Counter(KEPT.get(each.obstacle, each.obstacle.value) for each in decided if each.obstacle)
    going = [each for each in decided if not each.obstacle]
    ids = frozenset(each.archive_id for each in going)
    choice = PurgeChoice(
        entries=len(going),
        bytes_freed=sum(each.disk_size_bytes for each in going),
        kept=dict(kept.most_common()),
        checksum=_checksum(ids),
    )
    return choice, ids


def restore_folder(client: Client, name: str) -> Path:
    """Return the folder that sources are restored into; UsageError for a name with anything but letters, digits, ``._-``."""
    if not _FOLDER_NAME.fullmatch(name) or len(name) > 80:
        raise UsageError("the name of the folder may have letters, digits, '.', '_' and '-', and no '.' at its end")
    folder = restored(client) / name
    if watchers := client.watchers_of(folder) or client.watchers_of(folder / "file"):
        raise UsageError(f"{folder.parent}: is watched by '{watchers[0].converter_name}', which would convert it again")
    return folder


def restored(client: Client) -> Path:
    """Return the folder that holds what the pages restore: beside the configuration, or beside the archive."""
    return (client.config.absolute().parent if client.config else client.roots[0].parent) / "restored"


def confirmed(
    request: Request, view: address.ArchiveView, number: str, *, key: str, checksum: str = ""
) -> frozenset[str]:
    """Return the ids of the entries that a purge would remove; NeedsConfirmation unless they are of this number.

    With a checksum, they must be the entries that were shown too.
    """
    station = station_of(request)
    if station.jobs.known(key):
        return frozenset()
    choice, ids = _purge_choice(station.client, station.client.chosen(wanted_of(view)))
    going = choice.entries
    if not going:
        raise UsageError("none of these entries can be purged; look at them again")
    if number.replace(",", "").strip() != str(going):
        raise NeedsConfirmation(f"{going} entries would be purged; type {going} to purge them")
    _require_same(checksum, choice.checksum)
    return ids


def begin(
    request: Request,
    action: Bulk,
    view: address.ArchiveView,
    *,
    key: str,
    entries: int,
    order: Order,
    checksum: str = "",
) -> Job:
    """Begin the job of a form; NeedsConfirmation if the view has other entries than the form showed."""
    station = station_of(request)
    if not _KEY.fullmatch(key):
        raise UsageError("the form has no key; open it again")
    if known := station.jobs.known(key):
        return known
    client = station.client
    ids = client.chosen(wanted_of(view))
    if len(ids) != entries:
        raise NeedsConfirmation(f"{len(ids)} entries match now, and the form showed {entries}; look at them again")
    if not ids:
        raise UsageError("no entry matches; there is nothing to do")
    _require_same(checksum, _checksum(ids))
    carry = CARRIED_OUT[action]
    return station.jobs.start(key, action, ids, order, lambda some: carry(client, some, order))


def order_of(
    request: Request,
    *,
    reason: str = "",
    folder: Path | None = None,
    reports: bool = False,
    going: frozenset[str] = frozenset(),
) -> Order:
    """Return how an action is done, by whoever asks."""
    return Order(by=user_of(request), reason=reason.strip(), folder=folder or Path(), reports=reports, going=going)


def _checksum(archive_ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(archive_ids)).encode()).hexdigest()[:16]


def _require_same(shown: str, now: str) -> None:
    if shown and shown != now:
        raise NeedsConfirmation("other entries match now than the form showed; look at them again")
