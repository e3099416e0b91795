"""What is installed on a station."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledPackage:
    """An installed package."""

    name: str
    """Name of the distribution."""
    version: str
    """Its version."""
    licence: str
    """Its licence, as its metadata names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """The program and what it runs with."""

    version: str
    """Version of pywats-archive."""
    licence: str
    """Licence of pywats-archive."""
    python: str
    """Version and kind of Python."""
    sqlite: str
    """Version of SQLite."""
    platform: str
    """The operating system and the processor."""
    packages: tuple[InstalledPackage, ...]
    """pyWATS and every other package that is needed and installed, by name."""
