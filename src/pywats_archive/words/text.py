"""Foreign text as people may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class WithSource(Protocol):
    """An entry, of a station or of a plant."""

    @property
    def source_original_path(self) -> str: ...


def printable(text: str) -> str:
    """Show control characters and bytes that are not text as escapes, so that a file name cannot disturb a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun; without ``many``, the plural is ``one`` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: a, b and c."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def told_apart(stations: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return the names of stations by the uuids of their archives; where two have one name, each has a part of its uuid."""
    found = {uuid: name for name, uuid in stations}
    often = Counter(found.values())
    return {uuid: name if name and often[name] == 1 else f"{name} {uuid[:8]}".lstrip() for uuid, name in found.items()}


def name_of(entry: WithSource) -> str:
    """Return the source's name."""
    return entry.source_original_path.replace("\\", "/").rpartition("/")[2]
