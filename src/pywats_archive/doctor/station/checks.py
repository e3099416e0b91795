"""The checks of a station, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Topic(str, Enum):
    """What is checked."""

    CONFIGURATION = "configuration"
    SECRETS = "secrets"
    CONVERTER = "converter"
    SERVER = "server"
    CLOCK = "clock"
    ARCHIVE = "archive"
    SPACE = "space"
    ANCHORS = "anchors"
    VAULT = "vault"
    ENCRYPTION = "encryption"
    ALERT = "alert"
    VERSIONS = "versions"
    SERVICE = "service"


class CheckLevel(str, Enum):
    """The levels of a check, best first."""

    OK = "ok"
    """Nothing needs to be done."""
    SKIPPED = "skipped"
    """Not checked, as asked for or because there is nothing to check."""
    WARNING = "warning"
    """The service works, and something will go wrong or be lost in time."""
    FAILED = "failed"
    """Something does not work now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StationCheck:
    """One check, its result, and what to do."""

    topic: Topic
    """What was checked."""
    subject: str = ""
    """What of several was checked: a converter's name, an archive's folder; empty if there is only one."""
    level: CheckLevel = CheckLevel.OK
    """How good the result is."""
    seen: str
    """What was found, in one line, without secrets."""
    advice: str = ""
    """What to do; empty if nothing is to be done."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.level in (CheckLevel.OK, CheckLevel.SKIPPED)
