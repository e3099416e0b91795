from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged

from pywats_archive.archive.state import policies
from pywats_archive.catalog import events
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def test_every_date_moves_with_its_policy(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change, the dates of old and new entries are those of the policy, failed ones later, others' untouched."""
    monkeypatch.setattr(policies, "_AT_ONCE", 2)
    good = [aged.add(days_ago=days) for days in (5, 4, 3)]
    failed, other = aged.add(status=ConversionStatus.FAILED), aged.add(converter="other")
    aged.archive.policies.set(RetentionPolicy(converter_name="c", retention_days=10), actor="it", confirmed=True)
    today = aged.now.date()
    dates = [aged.archive.entry(entry.archive_id).retention_until for entry in good]
    assert dates == [today + timedelta(days=10 - days) for days in (5, 4, 3)]
    assert aged.archive.entry(failed.archive_id).retention_until == today + timedelta(days=20)
    assert aged.archive.entry(other.archive_id).retention_until == today + timedelta(days=90)
    assert aged.add().retention_until == today + timedelta(days=10)
    assert aged.add(status=ConversionStatus.FAILED).retention_until == today + timedelta(days=20)


def test_the_policy_of_all_others_holds_for_those_without_their_own(aged: Aged) -> None:
    """``*`` moves the dates of converters that have no policy; a reset brings a converter back under it."""
    mine, other = aged.add(), aged.add(converter="other")
    aged.archive.policies.set(RetentionPolicy(converter_name="c", retention_days=10), actor="it", confirmed=True)
    aged.archive.policies.set(
        RetentionPolicy(converter_name=EVERY_OTHER, retention_days=20), actor="it", confirmed=True
    )
    today = aged.now.date()
    assert aged.archive.entry(mine.archive_id).retention_until == today + timedelta(days=10)
    assert aged.archive.entry(other.archive_id).retention_until == today + timedelta(days=20)
    aged.archive.policies.reset("c", actor="it")
    assert aged.archive.entry(mine.archive_id).retention_until == today + timedelta(days=20)
    assert aged.archive.policies.effective("c").retention_days == 20


def test_dates_that_a_crash_left_behind_follow_later(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that was cut off between its commits is brought to its end by the next follow."""
    entry = aged.add()
    monkeypatch.setattr(type(aged.archive.policies), "follow", lambda self: None)
    aged.archive.policies.set(RetentionPolicy(converter_name="c", retention_days=10), actor="it", confirmed=True)
    monkeypatch.undo()
    assert aged.archive.entry(entry.archive_id).retention_until == aged.now.date() + timedelta(days=90)
    aged.archive.policies.follow()
    assert aged.archive.entry(entry.archive_id).retention_until == aged.now.date() + timedelta(days=10)


def test_each_change_is_an_event_with_before_and_after(aged: Aged) -> None:
    """The history tells who changed a policy, from what to what (invariant 8)."""
    aged.archive.policies.seed(RetentionPolicy(converter_name="c", retention_days=10))
    aged.archive.policies.set(RetentionPolicy(converter_name="c", retention_days=12), actor="it", confirmed=True)
    aged.archive.policies.reset("c", actor="quality")
    with aged.archive.read() as db:
        told = [(e.kind, e.actor, _days(e.details, "before"), _days(e.details, "after")) for e in events.iterate(db)]
    assert told == [
        ("policy.changed", "configuration", None, 10),
        ("policy.changed", "it", 10, 12),
        ("policy.reset", "quality", 12, 90),
    ]


def test_a_configuration_counts_only_at_first(aged: Aged) -> None:
    """What the catalog has is not changed by a configuration; where all others keep everything, so does a new one."""
    assert aged.archive.policies.seed(RetentionPolicy(converter_name="c", retention_days=10))
    assert not aged.archive.policies.seed(RetentionPolicy(converter_name="c", retention_days=1))
    assert aged.archive.policies.effective("c").retention_days == 10
    aged.archive.policies.set(RetentionPolicy(converter_name=EVERY_OTHER, enabled=False), actor="it", confirmed=True)
    aged.archive.policies.seed(RetentionPolicy(converter_name="d"))
    assert not aged.archive.policies.effective("d").enabled


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"retention_days": 0}, "retention_days = 0: must be from 1"),
        ({"retention_days": 90, "failed_retention_days": 30}, "write 90 or more"),
        ({"max_size_gb": 0}, "max_size_gb = 0: must be above 0"),
        ({"compression_level": 10}, "compression_level = 10"),
    ],
)
def test_a_bad_value_is_named(values: dict[str, float], told: str) -> None:
    """A policy that cannot be is refused with what may be written."""
    with pytest.raises(ValueError, match=told):
        RetentionPolicy(converter_name="c", **values)  # type: ignore[arg-type]


def _days(details: dict[str, dict[str, int] | None], key: str) -> int | None:
    told = details.get(key)
    return told["retention_days"] if told else None
