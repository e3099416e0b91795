"""Records an access: in the history at once, else in a note, else with a warning, or not at all where that is forbidden."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from importlib import metadata
from pathlib import Path

from pywats_archive.archive.access import folder, note
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.errors import AccessNotRecorded, CatalogError, StorageError
from pywats_archive.models.event import Event
from pywats_archive.portable.event_log import warn

WAIT_S = 1.0
"""The longest wait of a reader for a catalog that another process writes to; after it, the reader leaves a note."""
_warned: set[Path] = set()
_warning = threading.Lock()


class Recorded(Enum):
    """The place where an access is recorded."""

    IN_HISTORY = "in the history"
    IN_NOTE = "in a note"
    NOWHERE = "nowhere"


def record(archive: Archive, event: Event) -> Recorded:
    """Record an access, with the version of this program; waits a second at most for others who write.

    A full disk does not release the reserve: that is for archiving and purging. AccessNotRecorded if the archive requires
    a record, and neither its history nor its folder for accesses can have one.
    """
    return record_all(archive, [event])


def record_all(archive: Archive, accesses: Sequence[Event]) -> Recorded:
    """Record accesses in one commit, or each in a note, as ``record`` does."""
    known = [versioned(_placed(each, archive.vault)) for each in accesses]
    why = "the archive is read-only here"
    if not archive.is_read_only:
        try:
            archive.catalog.write(lambda tx: [events.append(tx, each) for each in known], within_s=WAIT_S)
        except CatalogError as exc:
            why = str(exc)
        else:
            return Recorded.IN_HISTORY
    found = {_note(archive, each, why) for each in known}
    return Recorded.NOWHERE if Recorded.NOWHERE in found else Recorded.IN_NOTE


def require_possible(archive: Archive) -> None:
    """Raise AccessNotRecorded before content is written somewhere, if its access could not be recorded and must be."""
    if archive.is_read_only and folder.is_required(archive.root) and not folder.is_usable(archive.root):
        raise _refusal(archive.root, "the archive is read-only here")


def is_possible(archive: Archive) -> bool:
    """Return whether an access can be recorded, at once or by a note."""
    return not archive.is_read_only or folder.is_usable(archive.root)


def _placed(event: Event, vault: str | None) -> Event:
    """Return an event that says from which vault the content came, if from one."""
    return replace(event, details={**event.details, "vault": vault}) if vault else event


def versioned(event: Event) -> Event:
    """Return an event that has the version of this program among its details."""
    known = {name: getattr(event, name) for name in ("kind", "at", "archive_id", "actor")}
    return Event(**known, details={**event.details, "version": _version()})


@cache
def _version() -> str:
    return metadata.version("pywats-archive")


def _note(archive: Archive, event: Event, why: str) -> Recorded:
    try:
        note.leave(archive.root, event)
    except (OSError, StorageError) as exc:
        if folder.is_required(archive.root):
            raise _refusal(archive.root, why) from exc
        _warn(archive.root, event, why)
        return Recorded.NOWHERE
    return Recorded.IN_NOTE


def _warn(root: Path, event: Event, why: str) -> None:
    """Warn once in a process: an export of many entries is one warning."""
    with _warning:
        is_first = root not in _warned
        _warned.add(root)
    if is_first:
        warn("access.not_recorded", kind=event.kind, actor=event.actor, archive=str(root), reason=why)


def _refusal(root: Path, why: str) -> AccessNotRecorded:
    return AccessNotRecorded(
        f"{root}: this access could not be recorded ({why}), and the archive requires a record (audit_required); read it "
        f"on the station, or as an account that may write to {folder.place_of(root)}"
    )
