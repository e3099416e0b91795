"""A replay over the stations of a vault: its plan, its progress, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pywats_archive.models.operation.replay import ReprocessingResult


class PlantReplayState(str, Enum):
    """The state of a replay."""

    STARTED = "started"
    """Segments are left: it is running, or was stopped and can be resumed."""
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedCode:
    """The converter's code in a replay."""

    fingerprint: str
    """``sha256:<hex>`` of the code; nothing else is run."""
    class_name: str
    """The class; of an installed package, where it is loaded from (``module_path``)."""
    version: str = ""
    """Version of the converter."""
    distribution: str | None = None
    """``name version`` of the installed package that the code comes from; None for a file, which is in the vault."""
    main: str = ""
    """The name of the file that defines the class."""
    is_candidate: bool = False
    """Whether it was named by ``--converter-file``; otherwise a station had it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSegment:
    """A segment whose sources are replayed: one task."""

    key: str
    """The key of the segment in the vault."""
    entries: int
    """Number of its entries that are replayed."""
    others: tuple[str, ...] = ()
    """The keys of later segments that have rows or reports of these entries, oldest first."""
    rows: tuple[str, ...] = ()
    """The rows of the configurations that these entries were converted with: a history has each only once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantReplay:
    """A replay over the stations of a vault, and its progress."""

    run: str
    """Name of the replay."""
    vault: str
    """The vault, without secrets."""
    created_at: datetime
    """When it was started."""
    actor: str
    """Who started it."""
    software: str
    """The version of pywats-archive that planned it; workers must have the same."""
    converter_name: str
    """The converter."""
    from_date: datetime | None
    """The first moment at which its sources were archived; None for all."""
    to_date: datetime | None
    """The last moment; None for all."""
    code: PlannedCode
    """The code that converts."""
    archives: int
    """Number of archives with such entries."""
    segments: int
    """Number of segments with such entries."""
    entries: int
    """Number of entries."""
    problems: tuple[str, ...] = ()
    """Segments that cannot be read, and entries that have no source in the vault."""
    done: int = 0
    """Number of segments that have a result."""
    state: PlantReplayState = PlantReplayState.STARTED
    """State of the replay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantVerdict:
    """A unit whose verdict changed."""

    station: str
    """The computer that archived it."""
    archive_uuid: str
    """Its archive."""
    archive_id: str
    """The entry."""
    serial_number: str | None
    """Serial number of the unit."""
    old_verdict: str
    """Passed or Failed (``P``, ``F``, …) before the replay."""
    new_verdict: str
    """Passed or Failed in the replay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StationOutcome:
    """What a replay did with the entries of a station."""

    station: str
    """The computer that archived them."""
    archive_uuid: str
    """The archive."""
    entries: int = 0
    """Number of entries with a result."""
    changed: int = 0
    """Those with another report than before."""
    verdicts: int = 0
    """Those whose verdict changed."""
    failed: int = 0
    """Those whose conversion failed."""
    skipped: int = 0
    """Those that could not be replayed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantReplayResult:
    """What a replay found so far."""

    replay: PlantReplay
    """The replay and its progress."""
    result: ReprocessingResult
    """The entries of all stations together, as ``reprocess show`` has them."""
    stations: tuple[StationOutcome, ...]
    """The entries by station."""
    verdicts: tuple[PlantVerdict, ...]
    """The units whose verdict changed."""
    unread: tuple[str, ...] = ()
    """Segments that could not be replayed, and why; ``resume`` tries them again."""
