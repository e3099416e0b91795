"""The types of JSON documents as the dataclasses have them: fields, their meaning from the docstring below each, units."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

_PLAIN = {
    str: "string",
    Path: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    timedelta: "number",
    datetime: "time",
    date: "date",
    Any: "any",
    object: "any",
    dict: "object",
}
_UNITS = {"bytes": "bytes", "days": "days", "ms": "ms", "s": "s", "ns": "ns", "gb": "GB", "percent": "%"}
"""What the words of a field's name say about its unit; the last one that is here counts."""
_PYTHON = {"None": "`null`", "null": "`null`", "True": "`true`", "False": "`false`"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """A field of a dataclass, or a value of an enumeration."""

    name: str
    hint: Any
    text: str


def fields_of(part: type) -> list[Meaning]:
    """Return the fields of a dataclass in order, those of its bases first."""
    hints = typing.get_type_hints(part)
    told = {name: text for base in reversed(part.__mro__) for name, text in _docstrings(base).items()}
    return [Meaning(name=each.name, hint=hints[each.name], text=told.get(each.name, "")) for each in fields(part)]


def values_of(part: type[Enum]) -> list[Meaning]:
    """Return the values of an enumeration."""
    told = _docstrings(part)
    return [Meaning(name=str(each.value), hint=str, text=told.get(each.name, "")) for each in part]


def parts_of(tops: Iterable[type]) -> list[type]:
    """Return the dataclasses and enumerations of documents, each once, the documents too."""
    found: dict[type, None] = {}
    waiting = list(tops)
    while waiting:
        part = waiting.pop(0)
        if part not in found:
            found[part] = None
            waiting += [each for field in _fields_if_any(part) for each in _named(field.hint)]
    return list(found)


def type_text(field: Meaning, link: Callable[[type], str]) -> str:
    """Return a field's type in JSON's words, with its unit if it is a number."""
    text, unit = _text(field.hint, link), _unit(field)
    is_number = unit and re.search(r"\b(integer|number)\b", text)
    return re.sub(r"\b(integer|number)\b", rf"\1 ({unit})", text) if is_number else text


def words(text: str) -> str:
    """Return a docstring as a line of Markdown, in JSON's words."""
    line = " ".join(inspect.cleandoc(text).split()).replace("``", "`")
    return re.sub(r"(?<!`)\b(None|null|True|False)\b(?!`)", lambda found: _PYTHON[found[0]], line)


def _fields_if_any(part: type) -> list[Meaning]:
    return fields_of(part) if is_dataclass(part) else []


def _named(hint: Any) -> Iterator[type]:
    """Yield the dataclasses and enumerations in a type."""
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
        yield hint
    for each in typing.get_args(hint):
        yield from _named(each)


def _text(hint: Any, link: Callable[[type], str]) -> str:
    if any(_named_itself(hint)):
        return link(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        known = [_text(each, link) for each in args if each is not type(None)]
        return " or ".join([*known, "null"] if type(None) in args else known)
    if origin is dict:
        return "object" if args[1] in (Any, object) else f"object of {_text(args[1], link)}"
    if origin is tuple and Ellipsis not in args:
        return f"[{', '.join(_text(each, link) for each in args)}]"
    if origin in (tuple, list, frozenset, set):
        return f"array of {_text(args[0], link)}"
    return _PLAIN[hint]


def _named_itself(hint: Any) -> Iterator[bool]:
    yield isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum))


def _unit(field: Meaning) -> str | None:
    if timedelta in (field.hint, *typing.get_args(field.hint)):
        return "s"
    parts = field.name.split("_")
    unit = next((_UNITS[each] for each in reversed(parts) if each in _UNITS), None)
    return f"{unit} per day" if unit and "per" in parts else unit


@cache
def _docstrings(part: type) -> dict[str, str]:
    """Return the docstrings below the fields or values of a class, by name."""
    module = sys.modules[part.__module__]
    if not getattr(module, "__file__", None):
        return {}
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == part.__name__]
    return {name: words(text) for node in found for name, text in _below(node)}


def _below(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for before, after in zip(node.body, node.body[1:], strict=False):
        target = before.target if isinstance(before, ast.AnnAssign) else None
        if isinstance(before, ast.Assign):
            target = before.targets[0]  # type: ignore[assignment]
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(target, ast.Name) and is_text:
            yield target.id, str(after.value.value)  # type: ignore[attr-defined]
