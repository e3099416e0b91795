"""Which figures of an archive are alerts: decided from values, so that raising and clearing agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.pipeline.alerting.alerts import ALMOST_FULL, FAILING, FILLING, NEARLY_FULL

_SHARES = {NEARLY_FULL: 0.80, ALMOST_FULL: 0.95}
_CLEARED_BELOW = 0.05
"""How far below its share a size must fall before the alert is cleared."""
FULL_WITHIN_DAYS = 7.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Whether a condition holds now; None to leave its alert as it is."""

    name: str
    subject: str
    is_wrong: bool | None
    details: dict[str, object] = field(default_factory=dict)


def evaluate(
    figures: ArchiveStatistics, *, root: str, recent_failures: Mapping[str, int], most_failures: Mapping[str, int]
) -> Iterator[Reading]:
    """Evaluate an archive's figures; ``most_failures``: failures allowed per converter and hour, 0 for any number."""
    for each in figures.by_converter:
        yield from _sizes(each)
    yield _filling(figures, root)
    for name, most in most_failures.items():
        number = recent_failures.get(name, 0)
        details: dict[str, object] = {"failures_in_an_hour": number, "alarm": most}
        yield Reading(name=FAILING, subject=name, is_wrong=bool(most) and number > most, details=details)


def _sizes(figures: ArchiveStatistics) -> Iterator[Reading]:
    limit, size = figures.max_size_bytes, figures.disk_size_bytes
    details: dict[str, object] = {"disk_size_bytes": size, "max_size_bytes": limit}
    for name, share in _SHARES.items():
        is_wrong = None if limit else False
        if limit and size >= share * limit:
            is_wrong = True
        elif limit and size < (share - _CLEARED_BELOW) * limit:
            is_wrong = False
        yield Reading(name=name, subject=str(figures.converter_name), is_wrong=is_wrong, details=details)


def _filling(figures: ArchiveStatistics, root: str) -> Reading:
    days = figures.days_until_disk_full
    details: dict[str, object] = {"days": days, "net_bytes_per_day": figures.net_bytes_per_day}
    return Reading(name=FILLING, subject=root, is_wrong=days is not None and days < FULL_WITHIN_DAYS, details=details)
