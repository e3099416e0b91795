"""What lies in a Done folder, as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from pywats_archive.archive.sources.reading import Look
from pywats_archive.models.operation.importing import NotImported
from pywats_archive.models.time import UTC, as_utc

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class ItemKind(Enum):
    """What a source in a Done folder is."""

    FILE = "file"
    FOLDER = "folder"
    ZIPPED = "zipped"
    """A file that lies alone in a zip."""
    REPORT = "report"
    """A report document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exact:
    """The id and checksum of a report whose file is exactly its document, with an id of its own."""

    report_id: str
    """In comparable form (``id_key``)."""
    checksum: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One source in a Done folder."""

    path: Path
    kind: ItemKind
    look: Look
    """Its kind and stamp; of a zipped file, those that it had before it was zipped."""
    original_path: Path
    """Its own name; another one than ``path`` if it is zipped."""
    own_time: datetime
    reports: tuple[Item, ...] = ()
    """The reports that belong to it."""
    exact: Exact | None = None
    """None for a report whose file is not exactly the document, and for what is no report."""
    companions: tuple[Path, ...] = ()
    """The files in deeper folders that are archived with it."""
    companion_bytes: int = 0
    archived_with: tuple[Path, ...] = ()
    """All files that are archived with it, also those beside it, which are sources of their own too."""
    zip_size_bytes: int | None = None
    """Size of the zip of a zipped file."""

    @property
    def size_bytes(self) -> int:
        """Size of the source, its companions and its reports, unpacked."""
        return self.companion_bytes + self.look[1].size_bytes + sum(each.look[1].size_bytes for each in self.reports)


_REPORT = re.compile(
    r"(?P<stem>.+?)(?:\.(?:pending|processing|failed|completed))?\.(?:json|wsjf|queued|processing|completed|error)\Z",
    re.IGNORECASE | re.DOTALL,
)
"""The names under which pyWATS' queues keep a report (pywats-api 0.6: ``AsyncPendingQueue``, ``PersistentQueue``)."""


def report_stem(name: str) -> str | None:
    """Return what a report's name says of its source; None if no report has such a name."""
    found = _REPORT.match(name)
    return found["stem"] if found else None


def paired(items: Iterable[Item]) -> list[Item]:
    """Assign the reports of one folder to their sources: by the source's name, or by its stem if only one source has it. Pure.

    A report that belongs to no source, to several, or whose file is not exactly the document stays an item of its own. Of
    several reports with one id beside one source, the first belongs to the source. Identical ones are dropped, and others stay
    items of their own.
    """
    every = list(items)
    sources = [each for each in every if each.kind is not ItemKind.REPORT]
    by_name, by_stem = _grouped(sources, _names), _grouped(sources, _stems)
    of_source: dict[Path, list[Item]] = {}
    alone: list[Item] = []
    for report in every:
        if report.kind is ItemKind.REPORT:
            stem = report_stem(report.path.name) or ""
            found = by_name.get(stem) or by_stem.get(stem) or []
            its = of_source.setdefault(found[0].path, []) if report.exact and len(found) == 1 else None
            before = _of_same_id(report, its or ())
            if its is not None and before is None:
                its.append(report)
            elif before is None or before.exact != report.exact:
                alone.append(report)
    whole = [_with_reports(each, of_source.get(each.path, ())) for each in sources]
    return sorted([*whole, *alone], key=lambda each: each.path)


def _of_same_id(report: Item, others: Iterable[Item]) -> Item | None:
    own_id = report.exact.report_id if report.exact else None
    return next((each for each in others if each.exact and each.exact.report_id == own_id), None)


def _with_reports(item: Item, reports: Sequence[Item]) -> Item:
    return replace(item, reports=tuple(reports), own_time=min(each.own_time for each in reports)) if reports else item


def _names(item: Item) -> set[str]:
    return {item.path.name, item.original_path.name}


def _stems(item: Item) -> set[str]:
    return {item.original_path.stem}


def _grouped(items: Sequence[Item], names: Callable[[Item], set[str]]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        for name in names(item):
            found.setdefault(name, []).append(item)
    return found


def no_later(moment: datetime, now: datetime) -> datetime:
    """Return a time of a file, or now if the file is from the future: nothing was made later than it is imported."""
    return min(as_utc(moment), now)


def moment_of_ns(mtime_ns: int) -> datetime:
    """Return a time of last change as a moment."""
    return _FIRST + timedelta(microseconds=mtime_ns // 1000)


def not_imported(path: Path, exc: Exception) -> NotImported:
    """Return why something cannot be imported."""
    reason = (exc.strerror or str(exc)) if isinstance(exc, OSError) else str(exc)
    return NotImported(path=str(path), reason=reason.removeprefix(f"{path}: "))
