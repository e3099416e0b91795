"""Events of the audit trail in plain words: who did what, to which entry, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import AuditCategory, Event, RecordedEvent
from pywats_archive.web.views.words import details_of, name_of, visible
from pywats_archive.words.details import shown as as_read

CATEGORIES = {
    AuditCategory.ACCESS: "Access to content",
    AuditCategory.SIGN_IN: "Sign-in and refusals",
    AuditCategory.USER: "Users and tokens",
    AuditCategory.SETTINGS: "Settings",
    AuditCategory.COMPLIANCE: "Compliance",
    AuditCategory.POLICY: "Policies",
    AuditCategory.IMPORT: "Imports",
    AuditCategory.HOLD: "Holds",
    AuditCategory.PURGE: "Purges and erasures",
    AuditCategory.REPLAY: "Replays",
    AuditCategory.CONFIRMATION: "Confirmations",
    AuditCategory.ANCHOR: "Keys and time stamps",
    AuditCategory.REPAIR: "Damage and repairs",
    AuditCategory.SERVICE: "Service",
}
_PHRASES = {
    "source.restored": "restored the source",
    "report.read": "read a report",
    "entry.exported": "exported the entry in a bag",
    "bag.exported": "finished a bag of entries",
    "access.refused": "refused invalid notes of accesses",
    "user.signed_in": "signed in",
    "user.signed_out": "signed out",
    "user.refused": "was refused: wrong name, password or token",
    "user.locked_out": "was locked out after too many wrong passwords",
    "user.not_allowed": "was refused: the role does not allow it",
    "token.used": "used a token",
    "request.refused": "was refused: not signed in, or from another site or host",
    "user.added": "added a user",
    "user.removed": "removed a user",
    "user.role_changed": "changed the role of a user",
    "user.password_changed": "changed a password",
    "user.sessions_ended": "ended the sessions of a user",
    "token.added": "made a token",
    "token.revoked": "revoked a token",
    "settings.changed": "changed the settings of a converter",
    "policy.changed": "changed a policy",
    "policy.reset": "removed a policy",
    "source.imported": "imported the entry",
    "hold.added": "held the entry",
    "hold.released": "released the entry",
    "hold.taken_over": "kept the hold when the database was rebuilt",
    "entry.purged": "purged the entry",
    "entry.erased": "erased the entry",
    "events.erased": "erased texts from events",
    "compliance.begun": "made the archive compliant",
    "compliance.restored": "marked the compliant archive again",
    "compliance.refused": "was refused: the archive is compliant",
    "approval.requested": "asked for a second person's approval",
    "approval.given": "approved what another person asked for",
    "approval.used": "did what was approved",
    "run.begun": "began a replay",
    "run.done": "ended a replay",
    "run.cancelled": "cancelled a replay",
    "run.rolled_back": "rolled a replay back",
    "conversion.set_back": "showed an earlier conversion again",
    "policy.confirmed": "allowed a policy to purge more than a fifth at once",
    "clock.confirmed": "confirmed the clock",
    "source.acknowledged": "acknowledged that a source vanished",
    "archive.identified": "recorded the uuid of the archive",
    "key.recorded": "recorded a new signing key",
    "anchor.timestamped": "kept a time stamp",
    "archive.recovered": "repaired the archive after a crash",
    "vault.required": "let nothing be purged that the vault has not confirmed",
    "vault.not_required": "let entries be purged that the vault does not have",
    "vault.confirmed": "confirmed in the vault",
    "vault.damaged": "found an object in the vault damaged or missing",
    "vault.repaired": "copied an object to the vault again that was damaged or missing there",
    "archive.restored": "restored the archive from the vault",
    "catalog.rebuilt": "rebuilt the database",
    "integrity.found": "found damage",
    "integrity.cleared": "found that damage is gone",
    "integrity.checked": "read files back",
    "source.recovered": "entered a source from before a crash",
    "service.started": "started the service",
    "service.stopped": "stopped the service",
}
"""What an actor did, by the kind of the event."""
_STREAMED = "-"
"""The place of bytes that a person got without a file on the station: printed, downloaded or shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One event in the table."""

    at: datetime
    actor: str
    phrase: str
    kind: str
    archive_id: str
    """Empty if it concerns no entry."""
    entry: str
    """The serial number of the entry, or the name of its source, or its id."""
    details: tuple[tuple[str, str], ...]
    archive: str
    sequence: int


def rows(events: Iterable[RecordedEvent], entries: Mapping[str, ArchiveEntry]) -> tuple[Row, ...]:
    """Return the rows of events; ``entries`` has those that they concern, as far as they are still known."""
    return tuple(_row(event, entries.get(event.archive_id or "")) for event in events)


def _row(event: RecordedEvent, entry: ArchiveEntry | None) -> Row:
    archive_id = event.archive_id or ""
    return Row(
        at=event.at,
        actor=visible(event.actor),
        phrase=phrase(event),
        kind=visible(event.kind),
        archive_id=archive_id,
        entry=visible(entry.serial_number, most=60) if entry and entry.serial_number else _name(entry, archive_id),
        details=_details(event),
        archive=visible(Path(event.archive)),
        sequence=event.sequence or 0,
    )


def _name(entry: ArchiveEntry | None, archive_id: str) -> str:
    return name_of(entry) if entry else visible(archive_id)


def phrase(event: Event) -> str:
    """Return what the actor of an event did; of a kind without a phrase, its own words."""
    details = event.details
    if event.kind == "source.restored":
        verb = "read" if details.get("to") == _STREAMED else "restored"
        return f"{verb} a companion" if details.get("companion") else f"{verb} the source"
    if event.kind == "report.read" and details.get("to"):
        return "restored a report"
    return _PHRASES.get(event.kind) or visible(event.kind.replace(".", " ").replace("_", " "))


def _details(event: Event) -> tuple[tuple[str, str], ...]:
    """Return the details, the reason first; the version only of the service, which has it once for all that follows."""
    hidden = {"version"} if not event.kind.startswith("service.") else set[str]()
    shown: dict[str, Any] = {
        name: value
        for name, value in sorted(as_read(event).items(), key=lambda each: each[0] != "reason")
        if name not in hidden and not (name == "to" and value == _STREAMED)
    }
    return details_of(shown)
