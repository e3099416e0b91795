"""Legal holds: entries that no purge removes until a person releases them."""

from __future__ import annotations

from collections.abc import Sequence

from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.catalog import events, purges
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import UnknownEntry
from pywats_archive.models.event import Event
from pywats_archive.models.retention.compliance import Act, Rule
from pywats_archive.models.retention.purge import Hold


def hold(archive: Archive, archive_id: str, reason: str, *, actor: str) -> None:
    """Protect an entry from every purge until it is released; UnknownEntry if there is none, or if it was purged."""
    held = archive.entry(archive_id)
    if held.hold_reason is not None and archive.is_compliant:
        advice = f"{archive_id} is held already ({held.hold_reason})"
        archive.compliance.refuse(Rule.HOLD, advice, actor=actor, entries=[archive_id], reason=reason)
    _set_hold(archive, archive_id, reason, actor, "hold.added", {"reason": reason})


def release(archive: Archive, archive_ids: Sequence[str], *, actor: str) -> None:
    """Let entries follow their policies again; UnknownEntry if one is not held. A compliant archive needs an approval."""
    held = [archive.entry(archive_id) for archive_id in archive_ids]
    for entry in held:
        if entry.hold_reason is None:
            raise UnknownEntry(f"{entry.archive_id}: is not held; 'pywats-archive hold list' shows what is")
    approvals.require(archive, Act.RELEASE, {"entries": sorted(archive_ids)}, actor=actor)
    for entry in held:
        details = {"reason": entry.hold_reason, "held_by": entry.held_by}
        _set_hold(archive, entry.archive_id, None, actor, "hold.released", details)


def holds(archive: Archive) -> tuple[Hold, ...]:
    """Return the entries that are held."""
    with archive.read() as db:
        return purges.holds(db)


def _set_hold(
    archive: Archive, archive_id: str, reason: str | None, actor: str, kind: str, details: dict[str, str | None]
) -> None:
    account.require_owner(archive.root)

    def unit(tx: Connection) -> None:
        now = archive.now()
        if not purges.set_hold(tx, archive_id, reason=reason, by=actor if reason else None, now=now):
            raise UnknownEntry(f"{archive_id}: was purged; only its record is kept")
        events.append(tx, Event(kind=kind, at=now, archive_id=archive_id, actor=actor, details=dict(details)))

    archive.write(unit)
