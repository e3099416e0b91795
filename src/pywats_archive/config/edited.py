"""The text of a configuration with keys changed or converters added: everything else stays as it is written. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
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


def extended(text: str, values: Mapping[str, Any], sections: Sequence[Mapping[str, Any]]) -> str:
    """Return a configuration with these keys of the station, and with sections behind its converters, indented as the others.

    The text must be a JSON object with at least one key.
    """
    for key, value in values.items():
        text = _with(text, _after_space(text, 0), key, json.dumps(value, ensure_ascii=text.isascii()))
    for section in sections:
        text = _with_section(text, section)
    return text


def _with_section(text: str, section: Mapping[str, Any]) -> str:
    start = _after_space(text, 0)
    first, converters = next(_members(text, start)), _member(text, start, "converters")
    if converters is None or text[converters.value_start] != "[":
        written = _written(text, [section], like=first.space, within="")
        return _with(text, start, "converters", written)
    items = [(at, _DECODER.raw_decode(text, at)[1]) for at, _ in _items(text, converters.value_start)]
    if not items:
        written = _written(text, [section], like=first.space, within=_indentation(first.space))
        return text[: converters.value_start] + written + text[converters.end :]
    (at, end) = items[-1]
    space = text[len(text[:at].rstrip()) : at]
    written = _written(text, section, like=first.space, within=_indentation(space))
    return f"{text[:end]},{space or ' '}{written}{text[end:]}"


def _written(text: str, value: Any, *, like: str, within: str) -> str:
    """Write a value as its neighbours are: on one line, or indented by the space before the first key, ``like``."""
    is_wide = "\n" in like
    written = json.dumps(value, indent=_indentation(like) if is_wide else None, ensure_ascii=text.isascii())
    end = "\r\n" if "\r\n" in like else "\n"
    return written.replace("\n", f"{end}{within}")


def _indentation(space: str) -> str:
    return space.rpartition("\n")[2]


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
