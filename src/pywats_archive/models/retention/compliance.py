"""The compliance edition: the rules of a compliant archive, and what a second person approves."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

APPROVED_WITHIN = timedelta(hours=1)
"""How long after its request an act can be approved and carried out."""


class Rule(str, Enum):
    """A rule of a compliant archive."""

    SETTING = "setting"
    ARCHIVING = "archiving"
    RETENTION = "retention"
    PURGE = "purge"
    HOLD = "hold"
    ERASURE = "erasure"
    REASON = "reason"
    APPROVAL = "approval"

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return _SENTENCES[self]


ARCHIVING = {
    "archive_enabled": True,
    "archive_source_files": True,
    "archive_output_reports": True,
    "on_archive_error": "hold",
}
"""The keys of a converter that a compliant archive fixes: each source and each report is archived, and first."""
_SENTENCES = {
    Rule.SETTING: "compliance cannot be switched off",
    Rule.ARCHIVING: "archiving cannot be turned off",
    Rule.RETENTION: "retention can only grow",
    Rule.PURGE: "nothing is purged by hand",
    Rule.HOLD: "a hold cannot be replaced",
    Rule.ERASURE: "nothing is erased",
    Rule.REASON: "a replay needs a reason",
    Rule.APPROVAL: "a second person must approve deletion and replacement",
}


class Act(str, Enum):
    """What a second person approves."""

    RELEASE = "release"
    """Holds are released."""
    REPLAY = "replay"
    """A replay sends reports, which replace those on the server."""
    ROLL_BACK = "roll_back"
    """Entries of a run show their earlier conversions again."""
    PURGE = "purge"
    """A policy purges more than a fifth of the entries or bytes at once."""
    CLOCK = "clock"
    """A doubtful clock is confirmed, so that entries are purged by age again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """A request for a second person's approval."""

    number: int
    """Number of the request: that of its event in the history of the archive."""
    archive: str
    """Folder of the archive."""
    act: Act
    """The requested act."""
    subject: dict[str, Any]
    """Target and options of the act."""
    requested_by: str
    """The person who requested the act."""
    requested_at: datetime
    """Time of the request. The act must be approved and carried out within an hour."""
    approved_by: str | None = None
    """Who approved it; None while pending."""

    @property
    def expires_at(self) -> datetime:
        """When it can no longer be approved or carried out."""
        return self.requested_at + APPROVED_WITHIN


def person_of(actor: str) -> str | None:
    """Return the person behind an actor, the same for account, user and token; None if it is no person.

    ``os:PLANT\\\\Ann``, ``web:ann`` and ``token:ann/nightly`` are one person: a domain, the case and the name of a token do not
    count.
    """
    kind, _, name = actor.partition(":")
    if kind == "token":
        name, _, token = name.partition("/")
        if not token:
            return None  # the station's own token
    if kind not in ("os", "web", "token"):
        return None
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    plain = plain.rpartition("\\")[2].partition("@")[0]
    return plain if plain not in ("", "unknown") else None
