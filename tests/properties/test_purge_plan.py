"""Any entries, any policy, any moment: what a plan of retention promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.ids import archive_id, day_of
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Candidate, Decision, Obstacle, PurgeReason
from pywats_archive.models.time import UTC
from pywats_archive.retention.plan import NO_END, Stock, decisions, plan

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """Entries, a policy, a moment."""

    entries: tuple[Candidate, ...]
    policy: RetentionPolicy
    now: datetime

    def without(self, gone: set[str]) -> Case:
        """The same after those are gone."""
        return Case(tuple(each for each in self.entries if each.archive_id not in gone), self.policy, self.now)

    @property
    def stock(self) -> Stock:
        """As a catalog would tell it."""
        number = self.policy.min_entries
        newest = self.entries[-number].archive_id if 0 < number <= len(self.entries) else ("" if number else NO_END)
        return Stock(
            entries=len(self.entries),
            disk_size_bytes=sum(each.disk_size_bytes for each in self.entries),
            oldest_first=lambda before: (each for each in self.entries if each.archive_id < before),
            newest_from=newest,
        )

    def decided(self) -> list[Decision]:
        """All decisions."""
        return list(decisions(self.policy, self.stock, now=self.now))

    def purged(self) -> set[str]:
        """What goes."""
        return {each.archive_id for each in self.decided() if not each.obstacle}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to 25 entries of the last 40 days, of a few kilobytes each, against a policy of about that size."""
    ages_h = draw(st.lists(st.integers(0, 40 * 24), max_size=25, unique=True))
    entries = []
    for number, age in enumerate(sorted(ages_h, reverse=True)):
        name = archive_id(NOW - timedelta(hours=age), f"{number:06x}")
        status = draw(st.sampled_from([status.value for status in ConversionStatus]))
        held, unsubmitted, unfinished = (draw(st.sampled_from([False, False, False, True])) for _ in range(3))
        entries.append(Candidate(name, status, draw(st.integers(0, 9)) * 4096, held, unsubmitted, unfinished))
    days = draw(st.integers(1, 45))
    policy = RetentionPolicy(
        converter_name="c",
        retention_days=days,
        failed_retention_days=draw(st.none() | st.integers(days, 60)),
        max_size_gb=draw(st.integers(1, 300)) * 1e-6,
        min_entries=draw(st.sampled_from([0, 0, 1, 5, 30])),
        min_days=draw(st.sampled_from([0, 0, 1, 10])),
        purge_unsubmitted=draw(st.booleans()),
        enabled=draw(st.sampled_from([True, True, True, False])),
    )
    return Case(tuple(entries), policy, NOW + timedelta(days=draw(st.integers(0, 30))))


@given(cases())
def test_both_limits_hold_or_what_stands_against_them_is_named(case: Case) -> None:
    """After enforcement nothing is over its days, nor all over its size, but for what an obstacle is named for."""
    if not case.policy.enabled:
        assert case.decided() == []
        return
    left, summed = case.without(case.purged()), plan(case.policy, case.stock, now=case.now)
    named = {each.archive_id for each in case.decided() if each.obstacle}
    for each in left.entries:
        kept_until = case.policy.kept_until(day_of(each.archive_id), failed=each.status == "FAILED")
        assert kept_until >= case.now.date() or each.archive_id in named
    over = left.stock.disk_size_bytes - case.policy.max_size_bytes
    assert summed.over_bytes == max(over, 0)
    if over > 0:
        assert summed.kept, "the limit is not met, and nothing says why"
        unnamed = [each for each in left.entries if each.archive_id not in named]
        beyond = summed.kept.get(Obstacle.MIN_DAYS, 0) + summed.kept.get(Obstacle.MIN_ENTRIES, 0)
        assert not unnamed or beyond >= len(unnamed)


@given(cases())
def test_nothing_goes_that_must_stay(case: Case) -> None:
    """What is held, pending, not submitted, or within a minimum is never purged, nor a failed one too early (invariant 7)."""
    by_id = {each.archive_id: each for each in case.entries}
    newest = (
        {each.archive_id for each in case.entries[-case.policy.min_entries :]} if case.policy.min_entries else set()
    )
    for decision in case.decided():
        if decision.obstacle:
            continue
        entry = by_id[decision.archive_id]
        assert not (entry.is_held or entry.is_unfinished or entry.status in ("PENDING", "SUSPENDED"))
        assert case.policy.purge_unsubmitted or not entry.is_unsubmitted
        assert entry.archive_id not in newest
        age = (case.now.date() - day_of(entry.archive_id)).days
        if decision.reason is PurgeReason.RETENTION_DAYS:
            assert age > case.policy.days_for(failed=entry.status == "FAILED")
        else:
            assert not case.policy.min_days or age > case.policy.min_days


@given(cases())
def test_the_oldest_go_first_and_no_more_than_needed(case: Case) -> None:
    """For size, no entry goes while an older one without an obstacle stays, and the last one that went was needed."""
    sized = [each for each in case.decided() if each.reason is PurgeReason.MAX_SIZE_GB and not each.obstacle]
    if not sized:
        return
    gone = case.purged()
    named = {each.archive_id for each in case.decided() if each.obstacle}
    older = [each.archive_id for each in case.entries if each.archive_id < sized[-1].archive_id]
    assert all(each in gone or each in named for each in older)
    assert case.without(gone - {sized[-1].archive_id}).stock.disk_size_bytes > case.policy.max_size_bytes


@given(cases())
def test_enforcing_twice_changes_nothing(case: Case) -> None:
    """A second enforcement finds nothing to purge."""
    assert case.without(case.purged()).purged() == set()


@given(cases())
def test_kept_and_purged_are_all(case: Case) -> None:
    """Each entry is decided about once at most; what is purged and what is left are all there were, in number and bytes."""
    decided = Counter(each.archive_id for each in case.decided())
    assert all(number == 1 for number in decided.values())
    summed, left = plan(case.policy, case.stock, now=case.now), case.without(case.purged())
    assert summed.purged_entries + len(left.entries) == len(case.entries)
    assert summed.bytes_freed + left.stock.disk_size_bytes == case.stock.disk_size_bytes
