"""Words as the pages write them, and foreign text that cannot disturb them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import UnitResult
from pywats_archive.words import text

_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_KEPT = "\n\t"
_MOST_OF_DETAIL = 200
_CONVERTED = {
    ConversionStatus.SUCCESS: "Yes",
    ConversionStatus.FAILED: "Failed",
    ConversionStatus.PENDING: "Pending",
    ConversionStatus.SUSPENDED: "Suspended",
    ConversionStatus.SKIPPED: "Skipped",
    ConversionStatus.REJECTED: "Rejected",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a meaning: good, bad, warn or plain."""

    text: str
    tone: str = "plain"


def visible(text: object, *, most: int = 300) -> str:
    """Return a foreign text with marks for control and direction characters, cut at ``most`` characters."""
    whole = str(text)
    shown = "".join(_mark(c) for c in whole[:most])
    return f"{shown}…" if len(whole) > most else shown


def _mark(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _INVISIBLE:
        return character
    return f"<U+{ord(character):04X}>"


def sentence(text: str) -> str:
    """Return a message of the command line as a sentence; a command, a key or an address at its start keeps its case."""
    start = text[:1].upper() if text.partition(" ")[0].isalpha() else text[:1]
    return start + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def quoted(text: object) -> str:
    """Return a text for the query string of an address; a lone surrogate, which no address can have, becomes ``?``."""
    return quote(str(text).encode("utf-8", "replace"), safe="")


def result_badge(result: UnitResult | None) -> Badge | None:
    """Return the badge of a unit's result."""
    if result is None:
        return None
    good = result in (UnitResult.PASSED, UnitResult.DONE)
    return Badge(result.value.capitalize(), "good" if good else "bad")


def converted_badge(status: ConversionStatus) -> Badge:
    """Return the badge of a conversion: whether a report came of the source, apart from the unit's result."""
    tone = {ConversionStatus.SUCCESS: "plain", ConversionStatus.FAILED: "bad"}.get(status, "warn")
    return Badge(_CONVERTED[status], tone)


def details_of(details: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return name and value of each detail of an event."""
    return tuple(
        (visible(name.replace("_", " ")), visible(_plain(value), most=_MOST_OF_DETAIL))
        for name, value in details.items()
        if value not in (None, "", [], {})
    )


def _plain(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def name_of(entry: text.WithSource) -> str:
    """Return the name of an entry's source."""
    return visible(text.name_of(entry))
