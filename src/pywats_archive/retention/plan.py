"""What a policy purges and what it keeps, as pure decisions; previews, estimates and purges all use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Candidate, Decision, Obstacle, PurgePlan, PurgeReason

NO_END = "~"
"""Sorts after every archive id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The entries of a converter."""

    entries: int
    disk_size_bytes: int
    oldest_first: Callable[[str], Iterable[Candidate]]
    """Returns the entries received before the given archive id, in the order of receipt."""
    newest_from: str = NO_END
    """When the first of the ``min_entries`` that are always kept was received, as an archive id has it."""
    has_ages: bool = True
    """False while the clock is doubted: nothing is purged by age, but the oldest still by size."""
    is_age_kept: bool = False
    """True in a compliant archive: nothing is purged for the size limit before it is due by age."""


def decisions(policy: RetentionPolicy, stock: Stock, *, now: datetime) -> Iterator[Decision]:
    """Decide about every entry beyond a limit, oldest first: by age, then by size.

    Both limits hold afterwards, or what prevents that is named: an obstacle of an entry, or a minimum, at which the decisions
    end. Days are whole: an entry is purged when its last day (UTC) is over.
    """
    if not policy.enabled:
        return
    size_bytes = stock.disk_size_bytes
    for decision in _aged(policy, stock, now.date()) if stock.has_ages else ():
        size_bytes -= 0 if decision.obstacle else decision.disk_size_bytes
        yield decision
    if size_bytes > policy.max_size_bytes and not stock.is_age_kept:
        yield from _oversized(policy, stock, now.date(), size_bytes)


def named(candidates: Iterable[Candidate], *, unsubmitted: bool) -> Iterator[Decision]:
    """Decide about named entries; ``unsubmitted``: also those that the server has not accepted."""
    for each in candidates:
        obstacle = obstacle_of(each, unsubmitted=unsubmitted)
        yield Decision(each.archive_id, PurgeReason.MANUAL, obstacle, each.disk_size_bytes)


def plan(policy: RetentionPolicy, stock: Stock, *, now: datetime) -> PurgePlan:
    """Summarize the decisions of a policy."""
    summed = summarize(decisions(policy, stock, now=now), policy.converter_name, stock)
    over = stock.disk_size_bytes - summed.bytes_freed - policy.max_size_bytes
    if not policy.enabled or over <= 0:
        return summed
    if stock.is_age_kept:
        minima = {Obstacle.MIN_DAYS: stock.entries - summed.purged_entries - sum(summed.kept.values())}
    else:
        minima = _minima(policy, stock, now)
    kept = summed.kept | {minimum: number for minimum, number in minima.items() if number}
    return replace(summed, kept=kept, over_bytes=over)


def summarize(decided: Iterable[Decision], converter_name: str, stock: Stock) -> PurgePlan:
    """Summarize decisions."""
    purged, kept, freed = Counter[PurgeReason](), Counter[Obstacle](), 0
    for decision in decided:
        if decision.obstacle:
            kept[decision.obstacle] += 1
        else:
            purged[decision.reason] += 1
            freed += decision.disk_size_bytes
    return PurgePlan(
        converter_name=converter_name,
        entries=stock.entries,
        disk_size_bytes=stock.disk_size_bytes,
        purged=dict(purged),
        bytes_freed=freed,
        kept=dict(kept),
    )


def obstacle_of(candidate: Candidate, *, unsubmitted: bool) -> Obstacle | None:
    """Return what keeps an entry from every purge (invariants 7 and 13)."""
    if candidate.is_held:
        return Obstacle.HELD
    if candidate.is_pending:
        return Obstacle.PENDING
    if candidate.is_unsubmitted and not unsubmitted:
        return Obstacle.UNSUBMITTED
    return Obstacle.NOT_IN_VAULT if candidate.is_not_in_vault else None


def _aged(policy: RetentionPolicy, stock: Stock, today: date) -> Iterator[Decision]:
    is_due = _due(policy, today)
    for each in stock.oldest_first(_first_of(today, policy.retention_days)):
        if is_due(each):
            obstacle = obstacle_of(each, unsubmitted=policy.purge_unsubmitted)
            if obstacle is None and (each.received or each.archive_id) >= stock.newest_from:
                obstacle = Obstacle.MIN_ENTRIES
            yield Decision(each.archive_id, PurgeReason.RETENTION_DAYS, obstacle, each.disk_size_bytes)


def _oversized(policy: RetentionPolicy, stock: Stock, today: date, size_bytes: int) -> Iterator[Decision]:
    """Decide about the oldest entries that are not due by age, until the rest fits."""
    is_due = _due(policy, today) if stock.has_ages else lambda each: False
    for each in stock.oldest_first(_floor(policy, stock, today)):
        if size_bytes <= policy.max_size_bytes:
            return
        if is_due(each):
            continue
        obstacle = obstacle_of(each, unsubmitted=policy.purge_unsubmitted)
        size_bytes -= 0 if obstacle else each.disk_size_bytes
        yield Decision(each.archive_id, PurgeReason.MAX_SIZE_GB, obstacle, each.disk_size_bytes)


def _due(policy: RetentionPolicy, today: date) -> Callable[[Candidate], bool]:
    """Return a test for whether an entry is past its age limit; the ends of days are computed once.

    An entry with an unknown outcome is kept for the longer of both limits.
    """
    end, end_of_failed = (_first_of(today, policy.days_for(failed=failed)) for failed in (False, True))
    end_of_unknown, failed_status = min(end, end_of_failed), ConversionStatus.FAILED.value

    def is_due(each: Candidate) -> bool:
        received = each.received or each.archive_id
        if each.is_unknown:
            return received < end_of_unknown
        return received < (end_of_failed if each.status == failed_status else end)

    return is_due


def _floor(policy: RetentionPolicy, stock: Stock, today: date) -> str:
    """Return the archive id from which on nothing is purged to meet the size limit."""
    youngest = _first_of(today, policy.min_days) if policy.min_days else NO_END
    return min(youngest, stock.newest_from)


def _minima(policy: RetentionPolicy, stock: Stock, now: datetime) -> dict[Obstacle, int]:
    """Return the minimum that keeps the rest above the limit, with the number of entries that it keeps."""
    floor = _floor(policy, stock, now.date())
    if floor == NO_END:
        return {}
    is_days = policy.min_days and floor == _first_of(now.date(), policy.min_days)
    younger = stock.entries - sum(1 for _ in stock.oldest_first(floor))
    return {Obstacle.MIN_DAYS if is_days else Obstacle.MIN_ENTRIES: younger}


def _first_of(today: date, days_ago: int) -> str:
    """Return the beginning of the first archive id of that day."""
    try:
        return f"{today - timedelta(days=days_ago):%Y%m%d}"
    except OverflowError:
        return ""
