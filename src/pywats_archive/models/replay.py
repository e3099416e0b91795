"""A replay: what is asked for, what comes of each entry, and how its reports differ from those there are."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pywats_archive.models.conversion import ConversionResult, ConverterInfo


class ChangeKind(str, Enum):
    """How a field of a report differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One field that differs between the report there is and the one a replay gives."""

    path: str
    """Where it stands, such as ``/root/steps[3]/limit high``; of what was removed, in the old report."""
    kind: ChangeKind
    old: Any = None
    new: Any = None


class Comparison(str, Enum):
    """How an entry's replay compares with what it has."""

    SAME = "same"
    CHANGED = "changed"
    NEWLY_FAILING = "newly_failing"
    NEWLY_SUCCEEDING = "newly_succeeding"
    STILL_FAILING = "still_failing"
    NOTHING_BEFORE = "nothing_before"
    """There was no conversion to compare with, or its reports were not kept."""


class Effect(str, Enum):
    """What a replayed report does on the server once it is sent."""

    REPLACES = "replaces"
    """It comes under the id of the one there, or with its serial number, part number, operation and start time."""
    UNCHANGED = "unchanged"
    """The server has this document under its id, and it is not sent."""
    SECOND = "second"
    """It stands beside the one there: an id of its own, and one of the four differs."""
    NEW = "new"
    """The server has no report of this test from this source."""
    TAKEN_OVER = "taken_over"
    """A later entry of the same file, which grew, has a report under its id; it is not sent."""
    AMBIGUOUS = "ambiguous"
    """Which one it replaces, if any, a person must say; it is not sent."""


class ItemState(str, Enum):
    """How far an entry of a run is."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"


class RunState(str, Enum):
    """How far a run is."""

    RUNNING = "running"
    """Going on, or stopped by a crash: it can be resumed."""
    DONE = "done"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


class ReplayMode(str, Enum):
    """Which entries of those that match are replayed, by their latest conversion."""

    ALL = "all"
    FAILED = "failed"
    WARNED = "warned"
    """Failed ones, and those with warnings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """What came of one entry."""

    archive_id: str
    state: ItemState
    skipped_because: str | None = None
    status: str | None = None
    """The new conversion's status."""
    error: str | None = None
    comparison: Comparison | None = None
    changes: tuple[Change, ...] = ()
    volatile: tuple[Change, ...] = ()
    """What is another at each conversion: ids of reports, the time of the conversion. It makes no report a changed one."""
    effects: tuple[Effect, ...] = ()
    """Of each new report, in their order."""
    no_successor: tuple[str, ...] = ()
    """Ids of reports that the server has, or gets, and that no new one continues: they stay there."""
    serial_number: str | None = None
    old_verdict: str | None = None
    new_verdict: str | None = None
    """Passed or Failed (``P``, ``F``, …), as the server has it or else the archive, and as the new report has it: of the
    first report whose verdict turns, or of the first."""
    duration_ms: int = 0

    @property
    def turns_verdict(self) -> bool:
        """Tell whether the unit passed before and does not now, or the other way round."""
        return None not in (self.old_verdict, self.new_verdict) and self.old_verdict != self.new_verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run, and how far it is."""

    run_id: int
    created_at: datetime
    actor: str
    state: RunState
    request: dict[str, Any]
    """What was asked for, as ``ReplayRequest`` tells it."""
    planned: int = 0
    done: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """How many entries it is about."""
        return self.planned + self.done + self.skipped


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRequest:
    """How entries are replayed."""

    dry_run: bool = False
    """Nothing is recorded but what would change."""
    use_current_converter: bool = True
    allow_version: str | None = None
    """With the original converter: of an installed one whose version is not to be had any more, this one."""
    use_current_parameters: bool = True
    submit_to_server: bool = False
    new_id: bool = False
    """Reports get ids of their own, so that those there may stay."""
    allow_verdict_change: str | None = None
    """Why reports may be sent whose verdict turns; None holds these back."""
    allow_unit_change: str | None = None
    """Why a report may continue one of another serial number, where its own id is the same or each side has one alone."""
    stop_at_failure: bool = False

    def told(self) -> dict[str, Any]:
        """Give it as a run keeps it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """One entry's conversion as a replay gave it, not yet recorded."""

    result: ConversionResult
    converter: ConverterInfo
    """The code that ran, also where it was killed before it could say so."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The arguments it was converted with; PASSWORD arguments as keyed fingerprints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeGroup:
    """The same change in several entries."""

    path: str
    kind: ChangeKind
    old: Any
    new: Any
    entries: int
    archive_ids: tuple[str, ...] = ()
    """Some of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReprocessingResult:
    """What a run did; the first fields are the analysis' own."""

    total_archives: int
    processed: int = 0
    successful: int = 0
    failed: int = 0
    skipped: int = 0
    duration: timedelta = timedelta()
    errors: tuple[tuple[str, str], ...] = ()
    """Archive id and error of each entry that failed; a hundred at most."""
    run_id: int | None = None
    dry_run: bool = False
    is_submitted: bool = False
    """Whether reports were handed to the outbox."""
    by_comparison: dict[str, int] = field(default_factory=dict)
    skipped_because: dict[str, int] = field(default_factory=dict)
    changes: tuple[ChangeGroup, ...] = ()
    effects: dict[str, int] = field(default_factory=dict)
    """Reports by what they do on the server."""
    no_successor: int = 0
    """How many reports the server has, or gets, that no new one continues: they stay there."""
    verdict_changes: tuple[tuple[str, str, str], ...] = ()
    """Serial number, old and new verdict of each unit whose verdict turns."""
