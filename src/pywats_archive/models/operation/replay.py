"""A replay: its request, the result of each entry, and how new reports differ from the existing ones."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pywats_archive.models.report import is_same_verdict


class ChangeKind(str, Enum):
    """How a field of a report differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One field that differs between the existing report and the replayed one."""

    path: str
    """Its path, such as ``/root/steps[3]/limit high``; for a removed field, in the old report."""
    kind: ChangeKind
    """How the field differs."""
    old: Any = None
    """The value in the existing report; None if the field was added."""
    new: Any = None
    """The value in the new report; None if the field is missing."""


class Comparison(str, Enum):
    """How an entry's replay compares with its existing reports."""

    SAME = "same"
    CHANGED = "changed"
    NEWLY_FAILING = "newly_failing"
    NEWLY_SUCCEEDING = "newly_succeeding"
    STILL_FAILING = "still_failing"
    NOTHING_BEFORE = "nothing_before"
    """There was no conversion to compare with, or its reports were not archived."""


class Effect(str, Enum):
    """The effect of a replayed report on the server once it is sent."""

    REPLACES = "replaces"
    """It has the id of the existing one, or its serial number, part number, operation and start time."""
    UNCHANGED = "unchanged"
    """The server has this document under its id, and it is not sent."""
    SECOND = "second"
    """It is added beside the existing one: it has an id of its own, and one of the four differs."""
    NEW = "new"
    """The server has no report of this test from this source."""
    UNKNOWN = "unknown"
    """Its entry was imported without it, so that the server may have it under another id; it is not sent."""
    TAKEN_OVER = "taken_over"
    """A later entry of the same file, which grew, has a report under its id; it is not sent."""
    AMBIGUOUS = "ambiguous"
    """A person must decide which one it replaces, if any; it is not sent."""


class ItemState(str, Enum):
    """The state of an entry in a run."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"


class RunState(str, Enum):
    """The state of a run."""

    RUNNING = "running"
    """Running, or interrupted by a crash: it can be resumed."""
    DONE = "done"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeChange:
    """The code that converted entries before a run, and the code that the run converted them with."""

    converter_name: str
    """The converter."""
    old_version: str | None
    """Version before the replay."""
    old_fingerprint: str
    """SHA-256 of the code; empty if none is on record."""
    new_version: str | None
    """Version in the replay."""
    new_fingerprint: str
    """Fingerprint of the code in the replay."""
    entries: int = 1
    """Number of entries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """The result of one entry."""

    archive_id: str
    """The entry."""
    state: ItemState
    """State of the entry in the run."""
    skipped_because: str | None = None
    """Why it was skipped."""
    status: str | None = None
    """The new conversion's status."""
    error: str | None = None
    """Why its conversion failed, in one line."""
    comparison: Comparison | None = None
    """How its replay compares with its existing reports."""
    changes: tuple[Change, ...] = ()
    """The fields that differ."""
    volatile: tuple[Change, ...] = ()
    """Fields that differ in every conversion: ids of reports, the time of the conversion. They do not count as changes."""
    effects: tuple[Effect, ...] = ()
    """For each new report, in order."""
    no_successor: tuple[str, ...] = ()
    """Ids of reports that the server has, or gets, and that no new one continues: they stay there."""
    serial_number: str | None = None
    """Serial number of the unit."""
    old_verdict: str | None = None
    """Passed or Failed (``P``, ``F``, …) before the replay, as the server or else the archive has it."""
    new_verdict: str | None = None
    """The same in the new report. Both are of the first report whose verdict changes, or of the first report."""
    duration_ms: int = 0
    """Duration of the new conversion."""
    code: CodeChange | None = None
    """None for an entry that was not replayed."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the replay came out as before, with nothing for a person to decide."""
        is_same = self.state is ItemState.DONE and self.comparison is Comparison.SAME
        return is_same and not (self.turns_verdict or self.no_successor or Effect.AMBIGUOUS in self.effects)

    @property
    def turns_verdict(self) -> bool:
        """Whether the unit's verdict changed between passed and not passed."""
        is_known = None not in (self.old_verdict, self.new_verdict)
        return is_known and not is_same_verdict(self.old_verdict, self.new_verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run and its progress."""

    run_id: int
    """Number of the run."""
    created_at: datetime
    """When it was started."""
    actor: str
    """Who started it."""
    state: RunState
    """State of the run."""
    request: dict[str, Any]
    """The request, as ``ReplayRequest.as_details`` returns it."""
    planned: int = 0
    """Entries that are not replayed yet."""
    done: int = 0
    """Entries that were replayed."""
    skipped: int = 0
    """Entries that were skipped."""

    @property
    def total(self) -> int:
        """The number of its entries."""
        return self.planned + self.done + self.skipped


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollback:
    """The result of rolling back one entry."""

    archive_id: str
    """The entry."""
    is_set_back: bool
    """Whether it shows its previous conversion again."""
    reason: str | None = None
    """Why it was not rolled back."""
    submitted_ids: tuple[str, ...] = ()
    """Reports of the run that the server has: they stay there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRequest:
    """How entries are replayed."""

    dry_run: bool = False
    """Record nothing, and only show what would change."""
    use_current_converter: bool = True
    allow_version: str | None = None
    """With the original converter: use this one if the version of the installed one is no longer available."""
    use_current_parameters: bool = True
    submit_to_server: bool = False
    new_id: bool = False
    """Reports get new ids, so that the existing ones may stay."""
    allow_verdict_change: str | None = None
    """Why reports with a changed verdict may be sent; None withholds them."""
    allow_unit_change: str | None = None
    """Why a report may continue one of another serial number, if its own id is the same or each side has only one."""
    stop_at_failure: bool = False
    reason: str | None = None
    """Why entries are replayed; a compliant archive requires it, except for a dry run."""
    converter_file: str | None = None
    """Only in a dry run: replay with the class of this file, ``candidate.py`` or ``candidate.py:Class``."""
    only_code: str | None = None
    """Fingerprint of the only code that may convert: that of a plan; None for any."""
    selection: dict[str, Any] = field(default_factory=dict)
    """How the entries were chosen, for the record only."""

    def as_details(self) -> dict[str, Any]:
        """Return the request as a run stores it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeGroup:
    """The same change in several entries."""

    path: str
    """Path of the field."""
    kind: ChangeKind
    """How the field differs."""
    old: Any
    """The value in the existing reports."""
    new: Any
    """The value in the new reports."""
    entries: int
    """Number of entries with this change."""
    archive_ids: tuple[str, ...] = ()
    """Some of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReprocessingResult:
    """The result of a run; the first fields are the analysis' own."""

    total_archives: int
    """Number of entries in the run."""
    processed: int = 0
    """Entries that were replayed."""
    successful: int = 0
    """Those whose conversion succeeded."""
    failed: int = 0
    """Those whose conversion failed."""
    skipped: int = 0
    """Entries that were skipped."""
    duration: timedelta = timedelta()
    """Duration of the run, in seconds."""
    errors: tuple[tuple[str, str], ...] = ()
    """Archive id and error of each entry that failed; a hundred at most."""
    run_id: int = 0
    """Number of the run."""
    dry_run: bool = False
    """Whether nothing was recorded or sent."""
    is_submitted: bool = False
    """Whether reports were handed to the outbox."""
    by_comparison: dict[str, int] = field(default_factory=dict)
    """Number of entries by how they compare with their existing reports."""
    skipped_because: dict[str, int] = field(default_factory=dict)
    """Number of skipped entries by reason."""
    changes: tuple[ChangeGroup, ...] = ()
    """The changes, most frequent first."""
    effects: dict[str, int] = field(default_factory=dict)
    """Reports by their effect on the server."""
    no_successor: int = 0
    """How many reports the server has, or gets, that no new one continues: they stay there."""
    verdict_changes: tuple[tuple[str, str, str], ...] = ()
    """Serial number, old and new verdict of each unit whose verdict changed."""
    state: RunState = RunState.RUNNING
    """State of the run."""
    created_at: datetime | None = None
    """When it was started."""
    actor: str = ""
    """Who started it."""
    ended_at: datetime | None = None
    """When it was done, cancelled or rolled back; None before."""
    ended_by: str | None = None
    """By whom; None while it is running."""
    request: dict[str, Any] = field(default_factory=dict)
    """The request, as ``ReplayRequest.as_details`` returns it."""
    code: tuple[CodeChange, ...] = ()
    """The converters of the entries, before and in the run."""
    submissions: dict[str, int] = field(default_factory=dict)
    """The run's reports by the state of their submission now."""
    shown: int = 0
    """How many entries show the run's conversion now: not those of a dry run, rolled back, or converted again later."""

    @property
    def planned(self) -> int:
        """The number of entries that are left."""
        return self.total_archives - self.processed - self.skipped
