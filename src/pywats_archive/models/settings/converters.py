"""The settings of a station's converters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class SettingOrigin(str, Enum):
    """Where a value comes from."""

    CONFIGURATION = "configuration"
    """pyWATS' ``config.json``."""
    STATE_FILE = "state_file"
    """``pywats-archive.json``: the value was read from ``config.json`` before, and pyWATS removed it."""
    DEFAULT = "default"
    """The value is set nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """The value of one key that holds for a converter."""

    key: str
    """Name of the key in ``config.json``."""
    value: Any
    """The value; a folder as an absolute path."""
    origin: SettingOrigin
    """Where the value comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterArgument:
    """One argument of a converter."""

    name: str
    """Name of the argument."""
    value: Any = None
    """The value; None if ``is_shown`` is False."""
    is_shown: bool = False
    """False for a secret, and for an argument that may be one: its latest conversion has not recorded this value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterSettings:
    """The settings that hold for one converter."""

    name: str
    """Name of the converter."""
    archive: Path
    """Folder of its archive."""
    settings: tuple[Setting, ...]
    """Every key, those of pyWATS first."""
    arguments: tuple[ConverterArgument, ...] = ()
    """The arguments of its code."""

    def value(self, key: str) -> Any:
        """Return the value of a key."""
        return next(each.value for each in self.settings if each.key == key)
