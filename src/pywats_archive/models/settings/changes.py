"""A change of a converter's settings, and the verdict on a folder that an archive is to have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingChange:
    """One key that a change writes."""

    key: str
    """Name of the key."""
    before: Any
    """The value in the file; None if ``is_new``."""
    after: Any
    """The value that is written."""
    is_new: bool = False
    """Whether the file does not have the key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingFault:
    """Why a value cannot be used."""

    key: str
    """The key that is to be corrected; empty if it is not a single one."""
    message: str
    """What is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsPlan:
    """What a change of a converter's settings would write."""

    converter_name: str
    """Name of the converter."""
    checksum: str
    """``sha256:<hex>`` of the present file; a change is refused if the file has another one by then."""
    archive: Path | None = None
    """Folder of the archive after the change; None if there are faults."""
    changes: tuple[SettingChange, ...] = ()
    """The keys that are written, in order; empty if the file has all the values already, or if there are faults."""
    faults: tuple[SettingFault, ...] = ()
    """Why the change cannot be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedSettings:
    """A change that was made."""

    changes: tuple[SettingChange, ...]
    """The keys that were written."""
    former: Path | None = None
    """The copy of the former file; None if nothing had to be written."""
    unrecorded: str | None = None
    """Why the change is not in the history; None if it is, or if the converter has no archive yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderVerdict:
    """What holds in a folder that an archive is to have, in the words of ``doctor``."""

    folder: Path
    """The folder."""
    level: str
    """``full``, ``good``, ``poor`` or ``broken``."""
    guarantee: str
    """The level in words."""
    weaknesses: tuple[tuple[str, str], ...] = ()
    """What each weakness means, and what to change; the worst first."""
