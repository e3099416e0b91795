"""A file that was archived today, and what it is known by when it comes again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What tells a file from another one without reading it."""

    name: str
    """Relative to the source's folder."""
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A file that was archived: its content, and the blob that holds it alone, if there is such a one."""

    checksum: str
    path: str | None = None
