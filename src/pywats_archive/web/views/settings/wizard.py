"""The wizard's forms: what is asked, what is known of the answers so far, and the address of each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlencode

from pywats_archive.models.operation.capacity import ExpectedLoad
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.settings.changes import FolderVerdict, SettingChange, SettingFault
from pywats_archive.models.settings.converters import ConverterSettings, SettingOrigin
from pywats_archive.web.views.settings.shown import text
from pywats_archive.words.sizes import human_size

_GB = 10**9
_LONG_DAYS = 36_500
DEFAULT_FOLDER = "archive"
_FAILED = "failed_retention_days"
_LIMITS = {
    "retention_days": "retention_days",
    "max_archive_size_gb": "max_size_gb",
    "compression_level": "compression_level",
}
"""The limits that are asked for, with their names in a policy."""


class Step(str, Enum):
    """The steps, in order; each is the last part of an address."""

    FOLDER = "folder"
    KEEP = "keep"
    LIMITS = "limits"
    SUMMARY = "summary"


LABELS = {Step.FOLDER: "Folder", Step.KEEP: "What to keep", Step.LIMITS: "Days and size", Step.SUMMARY: "Save"}
FIELDS = {
    Step.FOLDER: ("archive_folder",),
    Step.KEEP: ("archive_source_files", "archive_output_reports", "on_archive_error", "archive_companions"),
    Step.LIMITS: ("retention_days", "max_archive_size_gb", "compression_level"),
}
"""The keys that each form asks for."""
NAMES = tuple(name for names in FIELDS.values() for name in names)
TONES = {"full": "good", "good": "warn", "poor": "bad", "broken": "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The answers so far, as they stand in the address; what is not answered has its present value."""

    converter: str
    given: Mapping[str, str]
    present: Mapping[str, str]
    is_new: bool
    """Whether the archive of the converter is off until now."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by key; with an empty key what concerns several."""

    def value(self, name: str) -> str:
        """Return what a field shows."""
        return self.given.get(name, self.present[name]).replace("\r\n", "\n")

    @property
    def failed(self) -> str:
        """Say how long failed entries are kept."""
        days = self.present.get(_FAILED)
        return f"Failed entries are kept {days} days." if days else "Failed entries are kept twice as long."

    def address(self, step: Step) -> str:
        """Return the address of a step with all answers."""
        return (
            f"/settings/wizard/{step.value}?{urlencode({'converter': self.converter, **self.given}, errors='replace')}"
        )

    def others(self, step: Step) -> tuple[tuple[str, str], ...]:
        """Return the hidden fields of a form: all that it does not ask for."""
        asked = FIELDS.get(step, ())
        return ("converter", self.converter), *((name, text) for name, text in self.given.items() if name not in asked)

    def wrong_step(self) -> Step | None:
        """Return the first form with a wrong answer."""
        return next((step for step, names in FIELDS.items() if self.faults.keys() & {*names}), None) or (
            Step.LIMITS if self.faults else None
        )


def present(found: ConverterSettings, *, others: RetentionPolicy | None = None) -> dict[str, str]:
    """Return the present values as the forms show them; limits that are set nowhere are those of all ``others``."""
    values = {each.key: each.value for each in found.settings if each.value is not None}
    if others and others.enabled:
        unset = [each.key for each in found.settings if each.origin is SettingOrigin.DEFAULT]
        values |= {key: getattr(others, name) for key, name in _LIMITS.items() if key in unset}
    shown = {name: text_of(values[name]) for name in (*NAMES, _FAILED) if name in values}
    return {**shown, "archive_folder": shown["archive_folder"] or DEFAULT_FOLDER}


def answers(found: Answers, names: Iterable[str]) -> dict[str, Any]:
    """Return the keys to be set: the archive on, and each of ``names``; of an archive that is on, those that change."""
    wanted: dict[str, Any] = {"archive_enabled": True}
    wanted |= {name: found.value(name) for name in names if found.is_new or found.value(name) != found.present[name]}
    if "archive_companions" in wanted:
        wanted["archive_companions"] = [
            line for line in map(str.strip, wanted["archive_companions"].splitlines()) if line
        ]
    return wanted


def faults_of(found: Iterable[SettingFault]) -> dict[str, str]:
    """Return the first fault of each key."""
    faults: dict[str, str] = {}
    for each in found:
        faults.setdefault(each.key, each.message)
    return faults


def text_of(value: Any) -> str:
    """Return a value as its field has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        "\n".join(value)
        if isinstance(value, list | tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What doctor says about the folder."""

    folder: str
    level: str
    tone: str
    guarantee: str
    weaknesses: tuple[tuple[str, str], ...]


def verdict(found: FolderVerdict) -> Verdict:
    """Return a verdict as a form shows it."""
    return Verdict(
        folder=str(found.folder),
        level=found.level,
        tone=TONES.get(found.level, "warn"),
        guarantee=found.guarantee[:1].upper() + found.guarantee[1:],
        weaknesses=found.weaknesses,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the difference: what goes or comes."""

    sign: str
    words: str
    key: str
    value: str


def difference(changes: Iterable[SettingChange]) -> tuple[Line, ...]:
    """Return the lines that go and come in the section of the converter."""
    lines: list[Line] = []
    for each in changes:
        if not each.is_new:
            lines.append(Line(sign="-", words="before", key=each.key, value=text(each.before)))
        lines.append(Line(sign="+", words="after", key=each.key, value=text(each.after)))
    return tuple(lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What the answers mean for the disk."""

    seen: str
    per_day: str
    kept: str
    limit: str
    tone: str


def forecast(load: ExpectedLoad, *, days: int, max_gb: float, sources: bool = True, reports: bool = True) -> Forecast:
    """Return what the files of the last days predict for a number of days and a size limit."""
    per_day = load.disk_bytes(1, sources=sources, reports=reports)
    needed, limit = load.disk_bytes(days, sources=sources, reports=reports), round(max_gb * _GB)
    lasts = limit / per_day if per_day else _LONG_DAYS
    is_enough, files = needed <= limit, "1 file" if load.files == 1 else f"{load.files:,} files"
    return Forecast(
        seen=f"{files}, {human_size(load.size_bytes)}, in the last {load.days} days",
        per_day=human_size(per_day),
        kept=f"{days:,} days take about {human_size(needed)} on disk",
        limit="The size limit is not reached"
        if is_enough
        else f"The size limit is reached after {lasts:,.0f} days: from then on, the oldest entries are purged early",
        tone="good" if is_enough else "warn",
    )
