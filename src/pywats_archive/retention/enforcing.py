"""The enforcement of a policy: the plan's decisions in batches of some hundred entries, one purge at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from pywats_archive.archive import purging
from pywats_archive.archive.audit import scrub_log
from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch
from pywats_archive.errors import NeedsConfirmation, RetentionHeldBack
from pywats_archive.models.event import Event
from pywats_archive.models.retention.clock import Known, Reading, Voucher
from pywats_archive.models.retention.compliance import Act, Rule
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import (
    Decision,
    Obstacle,
    PurgePlan,
    PurgeReason,
    PurgeStatistics,
    SpaceEstimate,
)
from pywats_archive.retention.clock import Trust, judge, vouched
from pywats_archive.retention.plan import NO_END, Stock, decisions, named, plan, summarize

_AT_ONCE = 200
"""Entries purged in one commit, which blocks other commits for some 5 ms."""
_CLOCK_TOLERANCE = timedelta(minutes=5)
Pause = Callable[[], None]
"""Called between two batches, to wait for conversions, or to stop the purge by an exception."""


def inventory_of(archive: Archive, policy: RetentionPolicy, *, has_ages: bool = True) -> Stock:
    """Return a converter's entries as the catalog lists them; they are read one by one."""
    name, newest_from = policy.converter_name, NO_END
    if policy.min_entries:
        newest_from = purging.first_of_newest(archive, name, policy.min_entries) or ""
    size_bytes, entries = purging.stored_size(archive, name)
    return Stock(
        entries=entries,
        disk_size_bytes=size_bytes,
        oldest_first=lambda before: purging.candidates(archive, name, before=before),
        newest_from=newest_from,
        has_ages=has_ages,
        is_age_kept=archive.is_compliant,
    )


def trust_in(archive: Archive) -> Trust:
    """Evaluate the clock by the archive's record alone, without the server; stores nothing."""
    return judge(archive.clock.known(), archive.clock.reading())


def confirm_clock(archive: Archive, *, actor: str) -> None:
    """Trust the current clock, because a person confirmed it; an event records the expected time.

    A compliant archive needs an approval: with a clock that is ahead, entries would be purged too early.
    """
    reading = archive.clock.reading()
    expected_on = judge(archive.clock.known(), reading).known.at.date()
    dates = {"clock": str(reading.wall.date()), "expected": str(expected_on)}
    approvals.require(archive, Act.CLOCK, dates, actor=actor)

    def confirmed(before: Known, reading: Reading) -> Event:
        expected = judge(before, reading).known.at
        details = {"clock": reading.wall.isoformat(), "expected": expected.isoformat()}
        return Event(kind="clock.confirmed", at=reading.wall, actor=actor, details=details)

    archive.clock.update(lambda known, reading: vouched(reading, Voucher.PERSON), event=confirmed)


def preview(
    archive: Archive, policy: RetentionPolicy, *, now: datetime | None = None, has_ages: bool = True
) -> Iterator[Decision]:
    """Stream the decisions that ``enforce`` would carry out now, oldest first.

    While the clock is doubted, those that apply once somebody confirms it; without ``has_ages``, those that apply until then.
    """
    moment = now or _moment(trust_in(archive), archive)
    return decisions(policy, inventory_of(archive, policy, has_ages=has_ages), now=moment)


def preview_plan(
    archive: Archive, policy: RetentionPolicy, *, now: datetime | None = None, has_ages: bool = True
) -> PurgePlan:
    """Summarize what ``enforce`` would do now."""
    moment = now or _moment(trust_in(archive), archive)
    return plan(policy, inventory_of(archive, policy, has_ages=has_ages), now=moment)


def estimate(archive: Archive, policy: RetentionPolicy) -> SpaceEstimate:
    """Return how much ``enforce`` would free now."""
    intended = preview_plan(archive, policy)
    return SpaceEstimate(
        converter_name=policy.converter_name,
        archives=intended.purged_entries,
        bytes_freed=intended.bytes_freed,
        by_reason={reason.value: number for reason, number in intended.purged.items()},
        kept=_by_name(intended.kept),
        remaining_archives=intended.entries - intended.purged_entries,
        remaining_bytes=intended.disk_size_bytes - intended.bytes_freed,
        over_bytes=intended.over_bytes,
    )


def enforce(
    archive: Archive,
    policy: RetentionPolicy,
    *,
    actor: str = "service",
    confirmed: bool | None = None,
    pause: Pause = lambda: None,
    trust: Trust | None = None,
    even_doubted: bool = False,
) -> PurgeStatistics:
    """Purge what the policy names, and return what keeps a limit from being met.

    ``trust``: an earlier evaluation of the clock, whose moment counts; None evaluates the clock now.
    ``even_doubted``: while the clock is doubted, purge for the size limit only: the order of receipt needs no clock.
    ``confirmed``: more than a fifth may be purged at once; None uses the confirmation stored with the policy.
    NeedsConfirmation and RetentionHeldBack (an integrity finding is open, the clock is doubted) come before anything is
    purged, PurgeRunning while another purge is running.
    """
    archive.policies.require_growing(policy, actor=actor)
    trust = trust or trust_in(archive)
    if trust.doubt and not even_doubted:
        raise RetentionHeldBack(f"{archive.root}: nothing is purged: {trust.doubt}")
    moment, has_ages = trust.now, trust.doubt is None
    intended = preview_plan(archive, policy, now=moment, has_ages=has_ages)
    if not intended.purged_entries and not purging.is_any_unfinished(archive):
        return _statistics(intended)
    with purging.purging(archive) as leftover:
        if has_ages:
            archive.clock.note_misdated()
        intended = preview_plan(archive, policy, now=moment, has_ages=has_ages)
        if not intended.purged_entries:
            return _with_failures(_statistics(intended), leftover)
        _require_sound(archive)
        if has_ages:
            _require_later(archive, trust)
        _require_confirmed(archive, policy, intended, confirmed)
        freed, done, altered, not_removed = 0, dict[PurgeReason, int](), 0, list(leftover)
        carry = partial(Batch, converter_name=policy.converter_name, unsubmitted=policy.purge_unsubmitted, actor=actor)
        for reason, ids in _batches(preview(archive, policy, now=moment, has_ages=has_ages)):
            purged = purging.purge(archive, carry(reason=reason, archive_ids=ids))
            done[reason] = done.get(reason, 0) + purged.entries
            freed += purged.bytes_freed
            altered += len(purged.altered)
            not_removed += purged.not_removed
            pause()
        purging.release_space(archive)
        remaining = _statistics(preview_plan(archive, policy, now=moment, has_ages=has_ages))
        stays = replace(
            remaining,
            kept=remaining.kept | _altered(altered),
            archives_purged=sum(done.values()),
            bytes_freed=freed,
            by_reason={reason.value: number for reason, number in done.items()},
        )
        return _with_failures(stays, not_removed)


def confirm_small_policies(archive: Archive, *, now: datetime) -> None:
    """Confirm each policy that would purge at most a fifth of any converter."""
    for policy_name in archive.policies.unconfirmed():
        ruled = (archive.policies.effective(name) for name in archive.policies.ruled_by(policy_name))
        if not any(preview_plan(archive, policy, now=now).is_large for policy in ruled):
            archive.policies.confirm(policy_name, actor="service")


def purge_named(
    archive: Archive,
    archive_ids: Iterable[str],
    *,
    actor: str,
    unsubmitted: bool = False,
    even_damaged: bool = False,
) -> PurgeStatistics:
    """Purge entries by hand; those that are held, pending or not submitted stay, and are counted.

    A person names them, so that a doubted clock does not matter. ``even_damaged``: though an integrity finding is open.
    UnknownEntry comes before anything is purged, ComplianceRefused in a compliant archive.
    """
    if archive.is_compliant:
        advice = "the service purges what the policy names, once it names it"
        archive.compliance.refuse(Rule.PURGE, advice, actor=actor, entries=list(archive_ids))
    with purging.purging(archive) as leftover:
        not_removed = list(leftover)
        if not even_damaged:
            _require_sound(archive)
        candidates = purging.candidates_named(archive, list(archive_ids))
        names = purging.converters_of(archive, [each.archive_id for each in candidates])
        decided = list(named(candidates, unsubmitted=unsubmitted))
        freed = done = altered = 0
        for name in sorted(set(names.values())):
            gone = [each.archive_id for each in decided if not each.obstacle and names[each.archive_id] == name]
            for start in range(0, len(gone), _AT_ONCE):
                batch = Batch(
                    converter_name=name,
                    reason=PurgeReason.MANUAL,
                    archive_ids=gone[start : start + _AT_ONCE],
                    unsubmitted=unsubmitted,
                    actor=actor,
                )
                purged = purging.purge(archive, batch)
                freed += purged.bytes_freed
                done += purged.entries
                altered += len(purged.altered)
                not_removed += purged.not_removed
        nothing = Stock(entries=0, disk_size_bytes=0, oldest_first=lambda before: ())
        kept = summarize(decided, "", nothing).kept
        statistics = PurgeStatistics(
            converter_name=", ".join(sorted(set(names.values()))),
            archives_purged=done,
            bytes_freed=freed,
            by_reason={PurgeReason.MANUAL.value: done} if done else {},
            kept=_by_name(kept) | _altered(altered),
        )
        return _with_failures(statistics, not_removed)


def finish_unfinished(archive: Archive) -> PurgeStatistics | None:
    """Try again to remove what an earlier purge could not; None if there is nothing to remove."""
    if not purging.is_any_unfinished(archive):
        return None
    with purging.purging(archive) as leftover:
        return _with_failures(PurgeStatistics(converter_name=""), leftover)


def _moment(trust: Trust, archive: Archive) -> datetime:
    return archive.now() if trust.doubt else trust.now


def _require_sound(archive: Archive) -> None:
    if found := scrub_log.findings(archive):
        raise RetentionHeldBack(
            f"{archive.root}: nothing is purged while damage is open ({found[0].problem.message}); repair it, or purge that "
            "entry by its id with --even-damaged"
        )


def _require_later(archive: Archive, trust: Trust) -> None:
    """Doubt a clock that is earlier than the newest entry, unless the server or a person confirmed it."""
    newest = purging.newest_moment(archive)
    if newest and trust.now < newest - _CLOCK_TOLERANCE and trust.known.voucher is Voucher.NOBODY:
        raise RetentionHeldBack(
            f"{archive.root}: nothing is purged: the clock says {trust.now:%Y-%m-%d %H:%M} UTC, and the newest entry "
            f"is of {newest:%Y-%m-%d %H:%M}; correct the clock, or confirm it with 'pywats-archive purge --confirm-clock'"
        )


def _require_confirmed(archive: Archive, policy: RetentionPolicy, intended: PurgePlan, confirmed: bool | None) -> None:
    name = policy.converter_name
    is_stored = confirmed is None and archive.policies.effective(name) == policy
    is_agreed = confirmed or (is_stored and archive.policies.is_confirmed(name))
    if intended.is_large and not is_agreed:
        raise NeedsConfirmation(
            f"{archive.root}: the policy of '{name}' would purge {intended.purged_entries} of {intended.entries} entries "
            f"at once ({intended.bytes_freed} bytes); look at them with 'pywats-archive purge --preview', and "
            "confirm it with 'pywats-archive purge'"
        )


def _batches(decided: Iterator[Decision]) -> Iterator[tuple[PurgeReason, list[str]]]:
    """Yield what to purge, in batches of one reason; each is taken from the plan once the previous one is done."""
    going = (each for each in decided if not each.obstacle)
    while batch := list(islice(going, _AT_ONCE)):
        for reason in PurgeReason:
            ids = [each.archive_id for each in batch if each.reason is reason]
            if ids:
                yield reason, ids


def _statistics(remaining: PurgePlan) -> PurgeStatistics:
    return PurgeStatistics(
        converter_name=remaining.converter_name,
        kept=_by_name(remaining.kept),
        over_bytes=remaining.over_bytes,
        remaining_archives=remaining.entries,
        remaining_bytes=remaining.disk_size_bytes,
    )


def _with_failures(statistics: PurgeStatistics, not_removed: Sequence[str]) -> PurgeStatistics:
    first = not_removed[0] if not_removed else None
    return replace(statistics, not_removed=len(not_removed), first_not_removed=first)


def _altered(number: int) -> dict[str, int]:
    return {Obstacle.ALTERED.value: number} if number else {}


def _by_name(kept: dict[Obstacle, int]) -> dict[str, int]:
    return {obstacle.value: number for obstacle, number in kept.items()}
