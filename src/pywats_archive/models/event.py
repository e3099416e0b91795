"""An event: one fact of the append-only history, chained by hash; and the kinds of events that an auditor asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

SOURCE_IMPORTED = "source.imported"
"""The kind of the event of an entry that an import brought, in place of ``source.archived``."""
IMPORTED_FROM = "imported_from"
"""Detail of that event, and key of headers: the archive and the bag that an entry comes from, and more."""


class AuditCategory(str, Enum):
    """A category of actions of a person, a program or the service, for audits."""

    ACCESS = "access"
    """Content was read, restored, exported or downloaded."""
    SIGN_IN = "sign-in"
    """Somebody signed in to the web pages or the API, out, or was refused."""
    USER = "user"
    """Users, roles, passwords, sessions and tokens of the web pages."""
    SETTINGS = "settings"
    """Archive keys of the configuration."""
    COMPLIANCE = "compliance"
    """A compliant archive: its beginning, what its rules refused, and approvals."""
    POLICY = "policy"
    """Retention policies."""
    IMPORT = "import"
    """Entries that came from a Done folder, or from a bag of another archive."""
    HOLD = "hold"
    PURGE = "purge"
    """Purges and erasures."""
    REPLAY = "replay"
    """Replays, and what a rollback showed again."""
    CONFIRMATION = "confirmation"
    """What a person confirmed: the clock, a large purge, a source that vanished."""
    ANCHOR = "anchor"
    """New signing keys, and time stamps of the history."""
    REPAIR = "repair"
    """A repair after a crash, a rebuilt catalog, damage that was found or is gone."""
    SERVICE = "service"
    """Starts and ends of the service, with its version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened, to which entry, by whom.

    ``sequence``, ``previous_hash`` and ``hash`` are set when it is appended; hashes are SHA-256 hex.
    """

    kind: str
    """Noun and verb: ``source.archived``, ``conversion.recorded``, ``report.accepted``, …"""
    at: datetime
    """When it happened."""
    archive_id: str | None = None
    """The entry; None if it concerns no single one."""
    actor: str = "service"
    """Who did it."""
    details: dict[str, Any] = field(default_factory=dict)
    """Further facts by name."""
    sequence: int | None = None
    """Number in the history."""
    bound_rows: str | None = None
    """Digests of the rows of the catalog that changed with it, as JSON by table and key; null for a removed row."""
    previous_hash: str = ""
    """Hash of the event before it."""
    hash: str = ""
    """Its own hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFilter:
    """Which events are wanted; None and empty mean all."""

    kinds: tuple[str, ...] = ()
    """Kinds, or their beginnings, such as ``alert`` for ``alert.raised`` and ``alert.cleared``."""
    archive_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Events of this moment are not among them."""
    actor: str | None = None
    """The actor, such as ``os:ann``; ``ann`` matches her account, her user of the pages and her tokens."""
    text: str | None = None
    """A part of the details, in any case: a reason, an address, a place."""
    categories: tuple[AuditCategory, ...] = ()
    """Only events of these categories; together with ``kinds``, an event must match one of both."""

    @property
    def needs_scan(self) -> bool:
        """Whether events are read one by one: only kinds, entry and beginning have indexes."""
        return any(each is not None for each in (self.until, self.actor, self.text)) or bool(self.categories)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEvent(Event):
    """An event, and the archive whose history has it."""

    archive: Path
    """The folder of the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventPage:
    """Some events, oldest first, and how far each history was read."""

    events: tuple[RecordedEvent, ...]
    positions: dict[Path, int]
    """By archive: the number of its last event that was read, whether it matched or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """Some events of the audit trail, newest first."""

    events: tuple[RecordedEvent, ...]
    older: str | None
    """Where older events begin: the ``before`` of the next call. None at the end."""


KINDS: dict[AuditCategory, tuple[str, ...]] = {
    AuditCategory.ACCESS: ("source.restored", "report.read", "entry.exported", "bag.exported", "access.refused"),
    AuditCategory.SIGN_IN: (
        "user.signed_in",
        "user.signed_out",
        "user.refused",
        "user.locked_out",
        "user.not_allowed",
        "token.used",
        "request.refused",
    ),
    AuditCategory.USER: (
        "user.added",
        "user.removed",
        "user.role_changed",
        "user.password_changed",
        "user.sessions_ended",
        "token.added",
        "token.revoked",
    ),
    AuditCategory.SETTINGS: ("settings",),
    AuditCategory.COMPLIANCE: ("compliance", "approval"),
    AuditCategory.POLICY: ("policy.changed", "policy.reset"),
    AuditCategory.IMPORT: (SOURCE_IMPORTED,),
    AuditCategory.HOLD: ("hold",),
    AuditCategory.PURGE: ("entry.purged", "entry.erased", "events.erased"),
    AuditCategory.REPLAY: ("run", "conversion.set_back"),
    AuditCategory.CONFIRMATION: ("policy.confirmed", "clock.confirmed", "source.acknowledged"),
    AuditCategory.ANCHOR: ("archive.identified", "key.recorded", "anchor.timestamped"),
    AuditCategory.REPAIR: (
        "archive.recovered",
        "archive.restored",
        "vault",
        "catalog.rebuilt",
        "integrity",
        "source.recovered",
    ),
    AuditCategory.SERVICE: ("service",),
}
"""The kinds of each category, or their beginnings; the events of the way of a file are in none of them."""
AUDITED = tuple(kind for kinds in KINDS.values() for kind in kinds)
SPOOLED = frozenset({"source.restored", "report.read", "entry.exported", "bag.exported", *KINDS[AuditCategory.SIGN_IN]})
"""The kinds that an account which may not write leaves in the archive's folder for accesses."""


def kinds_of(categories: tuple[AuditCategory, ...]) -> tuple[str, ...]:
    """Return the kinds of these categories, or of all."""
    return tuple(kind for each in categories for kind in KINDS[each]) if categories else AUDITED


def category_of(kind: str) -> AuditCategory | None:
    """Return the category of a kind of event; None for the events of the way of a file."""
    return next((each for each, kinds in KINDS.items() if any(_is_in(kind, known) for known in kinds)), None)


def _is_in(kind: str, known: str) -> bool:
    return kind == known or kind.startswith(f"{known}.")


def erasure_among(events: Iterable[Event]) -> Event | None:
    """Return the event of the erasure of an entry; None if it was not erased."""
    return next((event for event in events if event.kind == "entry.erased"), None)
