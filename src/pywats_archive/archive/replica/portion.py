"""A part of the history, with all that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pywats_archive.archive.folder import layout

FILES = (layout.ANCHORS, layout.ROLLED_BACK, "public-key-*.pem", "timestamps/*")
"""The files beside the blobs that an archive needs; ``archive.json`` is in the description of each segment."""


PURGED, MISSING, DAMAGED = "purged", "missing", "damaged"
"""Why a blob is absent from a portion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """How far a history was taken."""

    last: int = 0
    """The number of the last event; 0 before the first one."""
    hash: str = ""
    entry_no: int = 0
    report_no: int = 0
    """The greatest numbers of an entry and of a report whose blobs were taken."""
    at: datetime | None = None
    """When that was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Portion:
    """A part of the history, with its rows as they are now, and the names of its blobs."""

    chain: str
    """The name of the history, see ``chain_of``."""
    first: int
    last: int
    previous_hash: str
    hash: str
    begun_at: datetime
    ended_at: datetime
    """The times of its first and last event."""
    entries: int
    """How many entries were archived in it."""
    entry_no: int
    report_no: int
    rows: bytes
    """Lines of JSON, compressed with gzip; the same for the same lines."""
    files: tuple[str, ...]
    """Files beside the blobs, relative to the archive, that changed since the portion before."""
    blobs: tuple[str, ...]
    """Blobs, relative to the archive; together about as large as was asked for."""
    apart: tuple[str, ...]
    """Further blobs, which are too large to be among these."""
    absent: Mapping[str, str]
    """The blobs that are not here, and why."""
    tables: str
    """The version of the tables that the rows are from."""
