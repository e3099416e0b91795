"""The Archives page as its address says it: to and from the query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import Enum
from typing import ClassVar, TypeVar
from urllib.parse import urlencode

from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.web.views.words import converted_badge
from pywats_archive.words.text import counted

Choice = TypeVar("Choice", bound=Enum)
View = TypeVar("View", bound="PageView")
_LONGEST = 1000
_ALIASES = {"from": "from_"}
_YES_NO = {"": None, "yes": True, "no": False}
_STATUSES = {status.value.lower(): status for status in ConversionStatus}
_LABELS = {
    "q": "search",
    "status": "converted",
    "serial": "serial number",
    "part": "part number",
    "reason": "failed because",
    "ids": "only",
    "submission": "report",
    "warned": "with warnings",
}
"""What the form calls a field; the others have their own names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageView:
    """The fields of an address, as they were typed; an empty one is no condition."""

    POSITION: ClassVar[str] = "after"
    """The field that says which page of a list is shown."""
    LONG: ClassVar[Mapping[str, int]] = {}
    """The most characters of a field, where that is not 1000."""

    def query(self, **changes: str) -> str:
        """Return the query string of this view with some fields changed; a change goes back to the first page."""
        return urlencode(self.given(**changes))

    def given(self, **changes: str) -> tuple[tuple[str, str], ...]:
        """Return name and value of each field that is set, with some fields changed, as ``query`` does."""
        changed = replace(self, **{self.POSITION: "", **changes})
        named = ((field.name.rstrip("_"), str(getattr(changed, field.name))) for field in fields(changed))
        return tuple((name, value) for name, value in named if value)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveView(PageView):
    """The fields of the Archives page."""

    LONG: ClassVar[Mapping[str, int]] = {"after": 100_000, "ids": 30_000}

    q: str = ""
    converter: str = ""
    status: str = ""
    result: str = ""
    from_: str = ""
    to: str = ""
    serial: str = ""
    part: str = ""
    reason: str = ""
    """Why the conversion failed, as the Overview has it."""
    ids: str = ""
    """Only these entries; commas separate them."""
    submission: str = ""
    warned: str = ""
    purged: str = ""
    sort: str = ""
    order: str = ""
    after: str = ""

    @property
    def sort_key(self) -> SortKey:
        """The field by which the entries are sorted."""
        return choice(self.sort, SortKey, "sort") or SortKey.TIME

    def wanted(self) -> EntryFilter:
        """Return the filter; UsageError names the field that cannot be used."""
        if self.order not in ("", "asc", "desc"):
            raise UsageError(f"order '{self.order}' is unknown; use asc or desc")
        first, last = days(self.from_, self.to)
        return EntryFilter(
            from_date=first,
            to_date=last,
            converter_name=self.converter or None,
            status=choice(self.status, ConversionStatus, "status"),
            result=choice(self.result, UnitResult, "result"),
            serial_number=self.serial.replace("%", "*") or None,
            part_number=self.part.replace("%", "*") or None,
            text=self.q or None,
            failure_reason=self.reason or None,
            archive_ids=tuple(self.ids.split(",")) if self.ids else None,
            warned=_yes_no(self.warned, "warned"),
            purged=_yes_no(self.purged, "purged"),
            submission=choice(self.submission, SubmissionState, "submission"),
            sort=self.sort_key,
            newest_first=self.order != "asc",
        )

    @property
    def chips(self) -> tuple[tuple[str, str, str], ...]:
        """Label, value and the address without it, for each condition that is set."""
        shown = (field.name for field in fields(self) if field.name not in ("sort", "order", "after"))
        return tuple(
            (_LABELS.get(name, name.rstrip("_")), self._said(name), self.query(**{name: ""}))
            for name in shown
            if getattr(self, name)
        )

    def _said(self, name: str) -> str:
        value = str(getattr(self, name))
        if name == "status" and value in _STATUSES:
            return converted_badge(_STATUSES[value]).text.lower()
        return counted(value.count(",") + 1, "entry", "entries") if name == "ids" else value

    def sorted_by(self, key: str) -> str:
        """Return the query string that sorts by a column; by the present one, the other way round."""
        is_present = self.sort_key.value == key
        return self.query(sort=key, order="asc" if is_present and self.order != "asc" else "desc")


def read(query: Mapping[str, str]) -> ArchiveView:
    """Return the view of the Archives page; UsageError names an unknown or overlong field."""
    return view_of(ArchiveView, query)


def view_of(kind: type[View], query: Mapping[str, str]) -> View:
    """Return the view of a query string; UsageError names an unknown or overlong field."""
    known = {field.name for field in fields(kind)}
    given = {_ALIASES.get(name, name): value.strip() for name, value in query.items()}
    for name, value in given.items():
        if name not in known or (name in _ALIASES.values() and name in query):
            raise UsageError(
                f"the field '{name[:80]}' is unknown; there are {', '.join(sorted(n.rstrip('_') for n in known))}"
            )
        if len(value) > (most := kind.LONG.get(name, _LONGEST)):
            raise UsageError(f"{name}: {len(value)} characters are too many; use at most {most}")
    return kind(**given)


def choice(text: str, choices: type[Choice], name: str) -> Choice | None:
    """Return the choice of this name in any case, None for an empty text; UsageError lists those there are."""
    by_name = {str(choice.value).lower(): choice for choice in choices}
    if text and text.lower() not in by_name:
        raise UsageError(f"{name} '{text[:80]}' is unknown; choose from {', '.join(by_name)}")
    return by_name.get(text.lower())


def _yes_no(text: str, name: str) -> bool | None:
    if text not in _YES_NO:
        raise UsageError(f"{name} '{text[:80]}' is unknown; use yes or no")
    return _YES_NO[text]


def days(first: str, last: str) -> tuple[date | None, date | None]:
    """Return the two ends of a range of days; UsageError if one is no date, or both are in the wrong order."""
    begin, end = _day(first, "from"), _day(last, "to")
    if begin and end and _plain(begin) > _plain(end):
        raise UsageError(f"from {first} lies after to {last}; swap them")
    return begin, end


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"{name} '{text[:80]}' is no date; use one such as 2026-01-31") from exc


def _plain(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day
