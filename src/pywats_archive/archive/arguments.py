"""Checks of library arguments, before anything depends on them: each error is a UsageError that names the argument."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pywats_archive.errors import UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import LONGEST_ID, SubmissionState, UnitResult
from pywats_archive.models.time import end_of, start_of

Choice = TypeVar("Choice", bound=Enum)
Kind = TypeVar("Kind")
LARGEST = 2**53
"""The largest whole number that every JSON reader keeps exactly."""
MOST_IDS = 1000
"""The most entries that a filter may name one by one."""


def text(value: object, name: str, *, most: int = LONGEST_ID, may_be_empty: bool = False) -> str:
    """Return a text of at most ``most`` characters, without NUL."""
    if not isinstance(value, str) or "\0" in value or len(value) > most or not (value or may_be_empty):
        raise _wrong(value, name, f"must be a text of {0 if may_be_empty else 1} to {most:,} characters, without NUL")
    return value


def whole(value: object, name: str, *, least: int = 0, most: int = LARGEST) -> int:
    """Return a whole number within a range, both ends inclusive."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(value, name, f"must be a whole number from {least} to {most}")
    return value


def choice(value: object, name: str, kind: type[Choice]) -> Choice:
    """Return a member of ``kind``, given as a member or as its value in any case."""
    for said in (value, value.upper(), value.lower()) if isinstance(value, str) else (value,):
        with suppress(ValueError):
            return kind(said)
    raise _wrong(value, name, f"must be one of {', '.join(str(each.value) for each in kind)}")


def first_moment(value: object, name: str) -> datetime:
    """Return the first moment of a date, or the moment itself, in UTC."""
    return start_of(_bound(value, name))


def last_moment(value: object, name: str) -> datetime:
    """Return the last moment of a date, or the moment itself, in UTC."""
    return end_of(_bound(value, name))


def path(value: object, name: str) -> Path:
    """Return a path, given as a path or as text."""
    if not isinstance(value, str | os.PathLike) or "\0" in (text_of := os.fspath(value)) or not text_of:
        raise _wrong(value, name, "must be a path or a text, without NUL")
    return Path(text_of)


def paths(value: object, name: str) -> tuple[Path, ...]:
    """Return one path or several as absolute ones, each once."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    return tuple(dict.fromkeys(path(each, name).absolute() for each in several))


def texts(value: object, name: str) -> tuple[str, ...]:
    """Return several texts; a single text is refused, although it is a sequence of its letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _wrong(value, name, "must be a sequence of texts")
    return tuple(text(each, name) for each in value)


def of_kind(value: object, name: str, kind: type[Kind]) -> Kind:
    """Return a value of this type."""
    if not isinstance(value, kind):
        raise _wrong(value, name, f"must be a {kind.__name__}")
    return value


def entry_filter(value: object) -> EntryFilter:
    """Return a filter whose dates are moments and whose choices are members; an error names the field."""
    wanted = of_kind(value, "wanted", EntryFilter)
    given = ((name, check, getattr(wanted, name)) for name, check in _CHECKS.items())
    return replace(wanted, **{name: check(found, name) for name, check, found in given if found is not None})


def json_object(value: object, name: str) -> dict[str, Any]:
    """Return a mapping that JSON can represent."""
    try:
        json.dumps(dict(of_kind(value, name, Mapping)), allow_nan=False)  # type: ignore[type-abstract]
    except (TypeError, ValueError, RecursionError) as exc:
        raise _wrong(value, name, f"must be a mapping that JSON can represent ({exc})") from exc
    return dict(value)  # type: ignore[call-overload, no-any-return]


def report(value: object, name: str) -> bytes:
    """Return a report as the exact JSON to be sent: the given bytes, or the JSON of a mapping."""
    if isinstance(value, bytes):
        from pywats_archive.archive.results.document import parsed  # noqa: PLC0415 (slow to import)

        try:
            is_object = isinstance(parsed(value), dict)
        except (ValueError, RecursionError) as exc:
            raise _wrong(value, name, f"must be a JSON object ({exc})") from exc
        if not is_object:
            raise _wrong(value, name, "must be a JSON object")
        return value
    try:
        return json.dumps(json_object(value, name), ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as exc:
        raise _wrong(value, name, f"must be text that UTF-8 can represent ({exc})") from exc


def _bound(value: object, name: str) -> date | datetime:
    if not isinstance(value, date):  # a datetime is a date
        raise _wrong(value, name, "must be a date or a datetime")
    return value


def _wrong(value: object, name: str, requirement: str) -> UsageError:
    try:
        shown = ascii(value)
    except Exception:  # its repr fails
        shown = f"<{type(value).__name__}>"
    return UsageError(f"{name} = {shown if len(shown) <= 80 else shown[:80] + '...'}: {requirement}")


def _flag(value: object, name: str) -> bool:
    return of_kind(value, name, bool)


def _ids(value: object, name: str) -> tuple[str, ...]:
    each = texts(value, name)
    if len(each) > MOST_IDS:
        raise UsageError(f"{name}: {len(each)} ids are too many; use at most {MOST_IDS}, or conditions")
    return tuple(each)


_CHECKS: dict[str, Callable[[object, str], Any]] = {
    "from_date": first_moment,
    "to_date": last_moment,
    "converter_name": text,
    "status": partial(choice, kind=ConversionStatus),
    "result": partial(choice, kind=UnitResult),
    "serial_number": text,
    "part_number": text,
    "text": partial(text, may_be_empty=True),
    "archive_ids": _ids,
    "failure_reason": text,
    "warned": _flag,
    "submission": partial(choice, kind=SubmissionState),
    "purged": _flag,
    "sort": partial(choice, kind=SortKey),
    "newest_first": _flag,
}
"""How each field of an EntryFilter is checked."""
