"""Words, sizes and times as the pages write them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import UnitResult

_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_KEPT = "\n\t"
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


def name_of(entry: ArchiveEntry) -> str:
    """Return the name of an entry's source."""
    return visible(entry.source_original_path.replace("\\", "/").rpartition("/")[2])


def size(size_bytes: int | None) -> str:
    """Write a size with three digits: 999 B, 1.02 kB, 12.3 MB."""
    if size_bytes is None:
        return "-"
    number = float(size_bytes)
    if number < 1000:
        return f"{size_bytes} B"
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:.3g} {unit}"
    return f"{number / 1000:,.3g} TB"


def duration(milliseconds: int | None) -> str:
    """Write a duration: 12 ms, 1.25 s, 3 min 5 s."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.3g} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def moment(when: datetime | None, *, now: datetime) -> str:
    """Write a moment in local time: 'today 14:02', 'yesterday 14:02', or with its date."""
    if when is None:
        return "-"
    try:
        local, today = when.astimezone(), now.astimezone().date()
    except (OverflowError, ValueError, OSError):
        return when.isoformat(" ", timespec="minutes")
    day = {today: "today", today - timedelta(days=1): "yesterday"}.get(local.date(), local.date().isoformat())
    return f"{day} {local:%H:%M}"
