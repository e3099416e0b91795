"""The events of the log, found in the code, and their rows in ``docs/reference/log.md``.

``python -m tools.log_events`` updates the levels and fields of the page, and names the events that have no row or no call.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/log.md"
_SOURCE = ROOT / "src/pywats_archive"
_NAME = re.compile(r"[a-z_]+\.[a-z_]+")
_ROW = re.compile(r"\| `(?P<name>[a-z_]+\.[a-z_]+)` \| (?P<levels>[^|]*) \| (?P<fields>[^|]*) \| (?P<meaning>.*) \|")
_METHODS = {"info": "info", "warning": "warning", "error": "error", "critical": "critical", "exception": "error"}
_FUNCTIONS = {"warn": "warning", "note": "info"}
"""Those of ``portable/event_log.py``."""
_OF_SOURCE = ("converter", "path", "archive_id")
_OF_ERROR = ("error_type", "error_message", "traceback")
_LEVELS = ("info", "warning", "error", "critical")


@dataclass(kw_only=True)
class LoggedEvent:
    """An event, as all its calls together have it."""

    levels: set[str] = field(default_factory=set)
    fields: list[str] = field(default_factory=list)

    def add(self, levels: set[str], fields: list[str]) -> None:
        """Add what one call has."""
        self.levels |= levels
        self.fields += [each for each in fields if each not in self.fields]

    @property
    def shown_levels(self) -> str:
        """The levels as the page has them."""
        return ", ".join(level for level in _LEVELS if level in self.levels)

    @property
    def shown_fields(self) -> str:
        """The fields as the page has them."""
        return ", ".join(f"`{each}`" if each.isidentifier() else each for each in self.fields)


def logged_events() -> dict[str, LoggedEvent]:
    """Return all events by name, in alphabetical order."""
    found: dict[str, LoggedEvent] = {}
    for path in sorted(_SOURCE.rglob("*.py")):
        for name, levels, fields in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(name, LoggedEvent()).add(levels, fields)
    return dict(sorted(found.items()))


def updated(page: str, events: dict[str, LoggedEvent]) -> str:
    """Return the page with the levels and fields of the code."""

    def row(match: re.Match[str]) -> str:
        event = events.get(match["name"])
        if event is None:
            return match[0]
        return f"| `{match['name']}` | {event.shown_levels} | {event.shown_fields} | {match['meaning']} |"

    return _ROW.sub(row, page)


def names_in(page: str) -> list[str]:
    """Return the events that have a row, in its order."""
    return [match["name"] for match in _ROW.finditer(page)]


def _calls(tree: ast.AST) -> Iterator[tuple[str, set[str], list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.Dict):
            yield from _dictionary(node)


def _call(call: ast.Call) -> Iterator[tuple[str, set[str], list[str]]]:
    """Yield the event of ``log.info("name", ...)``, ``log_of(...).log(level, "name", ...)``, or ``warn("name", ...)``."""
    called = call.func
    if isinstance(called, ast.Name) and called.id in _FUNCTIONS:
        method, owner, arguments = _FUNCTIONS[called.id], None, call.args
    elif isinstance(called, ast.Attribute) and called.attr in (*_METHODS, "log"):
        is_leveled = called.attr == "log"
        method, owner, arguments = called.attr, called.value, call.args[1:] if is_leveled else call.args
    else:
        return
    if not arguments or (name := _text(arguments[0])) is None or not _NAME.fullmatch(name):
        return
    levels = _levels_in(call.args[0]) if method == "log" else {_METHODS[method]}
    of_source = _OF_SOURCE if isinstance(owner, ast.Call) and _name_of(owner.func) == "log_of" else ()
    own = [each.arg or "fields of the alert" for each in call.keywords]
    has_error = method == "exception" or "exc_info" in own
    rest = [each for each in own if each != "exc_info"]
    yield name, levels, [*of_source, *rest, *(_OF_ERROR if has_error else ())]


def _dictionary(found: ast.Dict) -> Iterator[tuple[str, set[str], list[str]]]:
    """Yield the event of ``{"event": "name", "level": "warning", ...}``."""
    pairs = {_text(key): value for key, value in zip(found.keys, found.values, strict=True) if key}
    name, level = (_text(pairs[key]) if key in pairs else None for key in ("event", "level"))
    if name and level and _NAME.fullmatch(name):
        yield name, {level}, [key for key in pairs if key and key not in ("event", "level", "timestamp")]


def _levels_in(expression: ast.expr) -> set[str]:
    names = (node.attr.lower() for node in ast.walk(expression) if isinstance(node, ast.Attribute))
    return {name for name in names if name in _LEVELS}


def _name_of(expression: ast.expr) -> str | None:
    return expression.id if isinstance(expression, ast.Name) else None


def _text(expression: ast.expr) -> str | None:
    is_text = isinstance(expression, ast.Constant) and isinstance(expression.value, str)
    return expression.value if is_text else None  # type: ignore[attr-defined]


def main() -> None:
    """Update the page."""
    events, page = logged_events(), PAGE.read_text(encoding="utf-8")
    PAGE.write_text(updated(page, events), encoding="utf-8")
    differing = {*events} ^ {*names_in(page)}
    if differing:
        sys.exit(f"{PAGE}: add or remove the rows of {', '.join(sorted(differing))}")


if __name__ == "__main__":
    main()
