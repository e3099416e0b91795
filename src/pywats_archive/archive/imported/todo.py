"""One source to be imported, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.sources.reading import Look
from pywats_archive.blobs.reading import measure


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """The zip that a source lies in as its only file."""

    name: str
    size_bytes: int
    chunks: Callable[[], Iterator[bytes]]
    """Unpacks the source; ValueError if the zip is damaged."""
    sha256: Callable[[], str]
    """Returns the checksum of the zip itself."""

    def checksum(self) -> str:
        """Return the checksum of the source; errors as ``chunks``."""
        return measure(self.chunks()).checksum


@dataclass(frozen=True, kw_only=True, slots=True)
class ToDo:
    """One source to be imported."""

    path: Path
    """Where it is read."""
    original_path: Path
    """Its own name in the Done folder; another one than ``path`` for a zipped source."""
    look: Look
    own_time: datetime
    """The start time of its report, or its time of last change."""
    documents: tuple[bytes, ...] = ()
    """Its reports, exactly as they are archived."""
    packed: Packed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Importing:
    """For whom sources are imported, and how they are stored."""

    converter_name: str
    compression_level: int
    companion_rules: tuple[str, ...] = ()
    actor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one source."""

    path: Path
    archive_id: str | None = None
    """Its entry; None if it could not be imported."""
    is_new: bool = False
    """False if it was archived before."""
    reports: int = 0
    """Reports that were archived with it, or added to its entry."""
    disk_size_bytes: int = 0
    reason: str | None = None
    """Why it could not be imported."""
