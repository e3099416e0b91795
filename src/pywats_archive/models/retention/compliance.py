"""The compliance edition: the rules of a compliant archive."""

from __future__ import annotations

from enum import Enum


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
    Rule.APPROVAL: "a second person must approve what deletes or replaces",
}
