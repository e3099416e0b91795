"""The text of a configuration with keys of one converter changed: everything else stays as it is written. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    """A member of an object: ``space`` is what stands before its key, ``colon`` what stands before its value."""

    key: str
    space: str
    colon: str
    value_start: int
    end: int


def edited(text: str, converter_name: str, values: Mapping[str, Any]) -> str:
    """Return a configuration with these keys in the section of a converter; a new key comes last, written as its neighbour.

    The text must be JSON, with one section of that name.
    """
    start = _section_start(text, converter_name)
    for key, value in values.items():
        text = _with(text, start, key, json.dumps(value, ensure_ascii=text.isascii()))
    return text


def _section_start(text: str, converter_name: str) -> int:
    converters = _member(text, _after_space(text, 0), "converters")
    assert converters, "the configuration has converters"
    items = list(_items(text, converters.value_start))
    (start,) = (start for start, value in items if isinstance(value, dict) and value.get("name") == converter_name)
    return start


def _with(text: str, start: int, key: str, value: str) -> str:
    found = _member(text, start, key)
    if found:
        return text[: found.value_start] + value + text[found.end :]
    *_, last = _members(text, start)
    return f"{text[: last.end]},{last.space}{json.dumps(key)}{last.colon}{value}{text[last.end :]}"


def _member(text: str, start: int, key: str) -> _Member | None:
    """Return a member of an object; of several with one key the last, as JSON readers do."""
    return next((each for each in reversed(list(_members(text, start))) if each.key == key), None)


def _members(text: str, start: int) -> Iterator[_Member]:
    at = start
    while True:
        key_start = _after_space(text, at + 1)
        if text[key_start] == "}":
            return
        key, key_end = _DECODER.raw_decode(text, key_start)
        value_start = _after_space(text, text.index(":", key_end) + 1)
        _, end = _DECODER.raw_decode(text, value_start)
        yield _Member(
            key=key,
            space=text[at + 1 : key_start],
            colon=text[key_end:value_start],
            value_start=value_start,
            end=end,
        )
        at = _after_space(text, end)
        if text[at] == "}":
            return


def _items(text: str, start: int) -> Iterator[tuple[int, Any]]:
    at = start
    while True:
        item_start = _after_space(text, at + 1)
        if text[item_start] == "]":
            return
        value, end = _DECODER.raw_decode(text, item_start)
        yield item_start, value
        at = _after_space(text, end)
        if text[at] == "]":
            return


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start
