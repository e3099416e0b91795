"""Policies, limits, purges and holds as the Retention page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from pywats_archive.errors import UsageError
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.retention.configured import Difference
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.web.views.words import visible
from pywats_archive.words.sizes import human_size

REASONS = {
    PurgeReason.RETENTION_DAYS: "older than the policy allows",
    PurgeReason.MAX_SIZE_GB: "above the size limit",
    PurgeReason.MANUAL: "named by a person",
    PurgeReason.ERASED: "erased",
}
_WHOLE = {
    "retention_days": "Days to keep entries",
    "failed_retention_days": "Days to keep failed entries",
    "min_entries": "Newest entries that always stay",
    "min_days": "Youngest age to be purged for the size limit, in days",
    "compression_level": "Compression level of new files",
}
NAMES = (*_WHOLE, "max_size_gb", "purge_unsubmitted", "keep_everything")
"""The fields of the form."""
_WARN, _BAD = 80, 95
_LONG = 3650


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRow:
    """The policy of one converter, and how near its limit is."""

    name: str
    label: str
    address: str
    kept: str
    limit: str
    used: str
    percent: int | None
    """How much of the limit is used; None without a limit or an entry."""
    tone: str
    days_left: str
    origin: str
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of the form."""

    name: str
    label: str
    value: str
    hint: str = ""


def row(
    policy: RetentionPolicy, *, is_own: bool, differences: Iterable[Difference], figures: ArchiveStatistics | None
) -> PolicyRow:
    """Return the row of a policy; ``figures`` are those of its converter."""
    used = figures.disk_size_bytes if figures else None
    percent = round(100 * used / policy.max_size_bytes) if policy.enabled and used is not None else None
    name = policy.converter_name
    return PolicyRow(
        name=name,
        label=label(name),
        address=f"/retention/policy?{urlencode({'converter': name})}",
        kept=f"{policy.retention_days} days, failed ones {policy.days_for(failed=True)}"
        if policy.enabled
        else "everything, for ever",
        limit=f"{policy.max_size_gb:g} GB" if policy.enabled else "none",
        used=human_size(used),
        percent=percent,
        tone="good" if percent is None or percent < _WARN else "warn" if percent < _BAD else "bad",
        days_left=days_left(figures.days_until_limit if figures and policy.enabled else None),
        origin="own" if is_own else "built in" if name == EVERY_OTHER else "that of all others",
        differences=said(differences),
    )


def label(name: str) -> str:
    """Return a converter's name as people read it."""
    return "All others" if name == EVERY_OTHER else visible(name)


def days_left(days: float | None) -> str:
    """Say when the limit is reached at the present growth."""
    if days is None:
        return "-"
    if days <= 0:
        return "reached"
    return "less than a day" if days < 1 else f"{days:,.0f} days" if days <= _LONG else "more than 10 years"


def said(differences: Iterable[Difference]) -> tuple[str, ...]:
    """Return a sentence for each value in which the configuration differs."""
    return tuple(
        f"The configuration says {each.name} = {visible(each.configured)}; {visible(each.in_force)} applies."
        for each in differences
    )


def fields(policy: RetentionPolicy) -> tuple[Field, ...]:
    """Return the fields of the form, with the values of a policy."""
    hints = {
        "failed_retention_days": f"at least as long as others; empty: twice as long, {policy.days_for(failed=True)} now",
        "compression_level": "1 (fast) to 9 (small)",
    }
    whole = (
        Field(name=name, label=text, value=_text(getattr(policy, name)), hint=hints.get(name, ""))
        for name, text in _WHOLE.items()
    )
    size = Field(name="max_size_gb", label="Largest size on disk, in GB", value=f"{policy.max_size_gb:g}")
    first, second, *others = whole
    return (first, second, size, *others)


def changed(policy: RetentionPolicy, given: Mapping[str, str]) -> RetentionPolicy:
    """Return a policy with the values of the form; UsageError names one that cannot be used.

    A field that the form does not have keeps its value, apart from the boxes: one that is not ticked is not sent.
    """
    values: dict[str, Any] = {name: _whole(name, given[name]) for name in _WHOLE if name in given}
    if "max_size_gb" in given:
        values["max_size_gb"] = _number(given["max_size_gb"])
    values["purge_unsubmitted"] = given.get("purge_unsubmitted") == "yes"
    values["enabled"] = given.get("keep_everything") != "yes"
    try:
        return replace(policy, **values)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def _whole(name: str, text: str) -> int | None:
    if name == "failed_retention_days" and not text.strip():
        return None
    try:
        return int(text[:20])
    except ValueError as exc:
        raise UsageError(f"{name}: '{text[:80]}' is no whole number; use one such as 90") from exc


def _number(text: str) -> float:
    try:
        return float(text[:20])
    except ValueError as exc:
        raise UsageError(f"max_size_gb: '{text[:80]}' is no number; use one such as 10 or 2.5") from exc


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
