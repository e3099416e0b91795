"""JSON documents against the dataclasses that describe them: all fields, no others, the right types."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from tools.json_types import fields_of

_TYPES: dict[Any, tuple[type, ...]] = {
    str: (str,),
    Path: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    timedelta: (int, float),
    dict: (dict,),
}


def faults_of(document: Any, wanted: type) -> list[str]:
    """Name what differs between a document and its dataclass."""
    if not isinstance(document, dict) or document.get("schema") != 1:
        return [f"no document of schema 1: {str(document)[:80]}"]
    rest = {name: value for name, value in document.items() if name != "schema"}
    return list(_faults(rest, wanted, wanted.__name__))


def parts_in(value: Any, hint: Any) -> Iterator[type]:
    """Yield the dataclass of each object in a document without faults."""
    if is_dataclass(hint) and isinstance(value, dict):
        yield hint  # type: ignore[misc]
        for each in fields_of(hint):  # type: ignore[arg-type]
            yield from parts_in(value[each.name], each.hint)
    elif isinstance(value, list):
        for each, one in zip(value, _hints(hint, value) if _elements(hint) else [None] * len(value), strict=True):
            yield from parts_in(each, one)
    else:
        for one in typing.get_args(hint):
            yield from parts_in(value, one)


def _faults(value: Any, hint: Any, at: str) -> Iterator[str]:
    if is_dataclass(hint):
        yield from _faults_of_fields(value, hint, at)
    elif _elements(hint) is not None and isinstance(value, list):
        for number, (each, one) in enumerate(zip(value, _hints(hint, value), strict=True)):
            yield from _faults(each, one, f"{at}[{number}]")
    elif typing.get_origin(hint) is dict and isinstance(value, dict):
        for name, each in value.items():
            yield from _faults(each, typing.get_args(hint)[1], f"{at}.{name}")
    elif typing.get_origin(hint) in (types.UnionType, typing.Union):
        kinds = typing.get_args(hint)
        found = [list(_faults(value, kind, at)) for kind in kinds if (kind is types.NoneType) == (value is None)]
        yield from min(found, key=len, default=[f"{at}: null"])
    elif not _fits(value, hint):
        yield f"{at}: {value!r} is no {hint}"


def _faults_of_fields(value: Any, hint: Any, at: str) -> Iterator[str]:
    wanted = {each.name: each.hint for each in fields_of(hint)}
    if not isinstance(value, dict) or value.keys() != wanted.keys():
        yield f"{at}: {sorted(value) if isinstance(value, dict) else value!r} is not {sorted(wanted)}"
        return
    for name, kind in wanted.items():
        yield from _faults(value[name], kind, f"{at}.{name}")


def _elements(hint: Any) -> Any:
    return typing.get_args(hint) if typing.get_origin(hint) in (tuple, list, set, frozenset) else None


def _hints(hint: Any, values: list[Any]) -> list[Any]:
    """Return the type of each element; a tuple without an end has one for all."""
    elements = list(_elements(hint))
    is_fixed = typing.get_origin(hint) is tuple and Ellipsis not in elements
    return elements if is_fixed else [elements[0]] * len(values)


def _fits(value: Any, hint: Any) -> bool:
    if hint in (Any, object):
        return True
    if hint is types.NoneType:
        return value is None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [each.value for each in hint]
    if hint is datetime:
        return isinstance(value, str) and datetime.fromisoformat(value).utcoffset() == timedelta()
    if hint is date:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    return isinstance(value, _TYPES.get(hint, ())) and isinstance(value, bool) == (hint is bool)
