"""Arguments of the client's methods as fields of an address, or of a body."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote

from pydantic_core import to_jsonable_python

from pywats_archive.archive import arguments
from pywats_archive.errors import UnknownEntry, UsageError
from pywats_archive.models.event import EventFilter
from pywats_archive.models.query import EntryFilter

Fields = dict[str, str | list[str]]
_OF_A_FILTER = {
    "converter_name": "converter",
    "status": "status",
    "result": "result",
    "serial_number": "serial",
    "part_number": "part",
    "text": "q",
    "failure_reason": "reason",
    "archive_ids": "ids",
    "warned": "warned",
    "submission": "submission",
    "purged": "purged",
    "sort": "sort",
}
"""The fields of the Archives page."""
_USABLE = "leave out blanks at its ends, write '?' for each '%', and leave out the condition if it is empty"
_RENAMED = {"converter_name": "converter"}
_NO_PART = ("", ".", "..")
"""Texts that cannot be a part of a path."""
_NO_ENTRY = "-"
"""An id that no entry has: without ids, the address would have no condition, and every entry would match."""
_DECIDED_THERE = {
    "actor": "over the network, the history records the name of the token's user",
    "attachment": "over the network, only a whole report is read",
    "now": "over the network, the clock of the station counts",
}


def given(method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name, without those that are None; UsageError for one that the station decides."""
    bound = inspect.signature(method).bind(None, *args, **kwargs).arguments
    found = {name: value for name, value in list(bound.items())[1:] if value is not None}
    for name in _DECIDED_THERE.keys() & found.keys():
        raise UsageError(f"{name}: {_DECIDED_THERE[name]}; leave it out")
    return found


def filled(path: str, values: dict[str, Any]) -> str:
    """Return a path with the values that it names, which are taken out of ``values``."""
    texts = {part[1:-1]: str(values.pop(part[1:-1])) for part in path.split("/") if part.startswith("{")}
    for text in texts.values():
        if "/" in text or text in _NO_PART:
            raise UnknownEntry(f"no entry is called '{text}'; 'pywats-archive list' shows the entries")
    return path.format(**{name: quote(text, safe="", errors="surrogatepass") for name, text in texts.items()})


def query_of(values: Mapping[str, Any]) -> Fields:
    """Return values as the fields of an address."""
    fields: Fields = {}
    for name, value in values.items():
        if isinstance(value, EntryFilter):
            fields |= filter_fields(value)
        elif isinstance(value, EventFilter):
            fields |= _event_fields(value)
        elif isinstance(value, Mapping):
            fields[name] = json.dumps({str(key): each for key, each in value.items()})
        else:
            fields[_RENAMED.get(name, name)] = _text(value)
    return fields


def filter_fields(wanted: EntryFilter) -> Fields:
    """Return a filter as the Archives page has it; a date, or a moment without a time zone, is one of the station."""
    checked = arguments.entry_filter(wanted)
    values = {field: getattr(checked, name) for name, field in _OF_A_FILTER.items()}
    for field, value in values.items():
        if isinstance(value, str) and not _arrives(field, value):
            raise UsageError(f"{field} '{value}' cannot be sent over the network without changing; {_USABLE}")
    fields: Fields = {name: _text(value, yes="yes", no="no") for name, value in values.items() if value is not None}
    fields |= {
        field: moment.isoformat() for field, moment in (("from", wanted.from_date), ("to", wanted.to_date)) if moment
    }
    return fields | {"order": "desc" if wanted.newest_first else "asc"}


def _arrives(field: str, value: str) -> bool:
    """Whether the station reads a value as it is: it takes an empty one for no condition, and removes blanks at its ends."""
    if field in ("serial", "part") and "%" in value:  # there, it stands for any characters
        return False
    return bool(value.strip()) and (field == "q" or value == value.strip())


def _event_fields(wanted: EventFilter) -> Fields:
    fields: Fields = {"kinds": list(wanted.kinds)}
    if wanted.categories:
        fields["categories"] = [each.value for each in wanted.categories]
    texts = {"archive_id": wanted.archive_id, "actor": wanted.actor, "text": wanted.text}
    moments = {"since": wanted.since, "until": wanted.until}
    fields |= {name: text for name, text in texts.items() if text is not None}
    return fields | {name: moment.isoformat() for name, moment in moments.items() if moment is not None}


def _text(value: object, *, yes: str = "true", no: str = "false") -> str:
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or _NO_ENTRY
    return str(to_jsonable_python(value.value if isinstance(value, Enum) else value))
