"""What the configuration and the catalog say of a policy: the last change wins, wherever it was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.aged import Aged

from pywats_archive.catalog import events
from pywats_archive.errors import NeedsConfirmation
from pywats_archive.models.retention.configured import Difference, applied, changes, is_shrinking
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing
from pywats_archive.retention.differing import describe

BASE = RetentionPolicy(converter_name="c", retention_days=90)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def configure(aged: Aged, **said: Any) -> bool:
    """Have a configuration that says this be seen, as at a start or a reload."""
    policy = RetentionPolicy(converter_name="c", **said) if said else None
    return aged.archive.policies.apply_configured("c", policy, said)


def by_hand(aged: Aged, **values: Any) -> None:
    policy = replace(aged.archive.policies.effective("c"), **values)
    aged.archive.policies.set(policy, actor="it", confirmed=True)


def days(aged: Aged) -> int:
    return aged.archive.policies.effective("c").retention_days


@pytest.mark.parametrize(
    ("seen", "said", "changed"),
    [
        ({}, {"retention_days": 30}, {"retention_days": 30}),
        ({"retention_days": 30}, {"retention_days": 30}, {}),
        ({"retention_days": 30}, {"retention_days": 60, "min_days": 1}, {"retention_days": 60, "min_days": 1}),
        ({"retention_days": 30, "min_days": 1}, {"retention_days": 30}, {}),
    ],
)
def test_a_change_is_what_was_not_said_before(seen: Any, said: Any, changed: Any) -> None:
    """A key that is gone is no change: pyWATS drops keys when it saves."""
    assert changes(seen, said) == changed


@pytest.mark.parametrize(
    ("values", "is_less"),
    [
        ({"retention_days": 120}, False),
        ({"retention_days": 60}, True),
        ({"failed_retention_days": 400}, False),
        ({"failed_retention_days": 100}, True),
        ({"max_size_gb": 20.0}, False),
        ({"max_size_gb": 5.0}, True),
        ({"min_entries": 5}, False),
        ({"purge_unsubmitted": True}, True),
        ({"retention_days": 120, "max_size_gb": 5.0}, True),
        ({"compression_level": 1}, False),
        ({"retention_days": 1, "enabled": False}, False),
    ],
)
def test_what_keeps_less_is_shrinking(values: dict[str, Any], is_less: bool) -> None:
    """Whatever limit shrinks, in whatever company, and for failed entries too."""
    assert is_shrinking(BASE, replace(BASE, **values)) is is_less


def test_failed_entries_are_kept_as_long_as_others() -> None:
    """A raised number of days takes that of failed ones along which a person set lower."""
    policy = replace(BASE, failed_retention_days=100)
    assert applied(policy, {"retention_days": 120}).failed_retention_days == 120


def test_a_changed_key_is_applied(aged: Aged) -> None:
    """Raised or lowered in the configuration, a limit holds from the next reading on, and an event tells it."""
    aged.add()
    assert configure(aged, retention_days=90) and days(aged) == 90
    assert not configure(aged, retention_days=90)
    assert configure(aged, retention_days=120) and days(aged) == 120
    assert configure(aged, retention_days=60) and days(aged) == 60
    with aged.archive.read() as db:
        found = [(e.actor, e.details) for e in events.iterate(db) if e.kind == "policy.changed"]
    assert [(actor, told["after"]["retention_days"]) for actor, told in found] == [
        ("configuration", 90),
        ("configuration", 120),
        ("configuration", 60),
    ]


def test_a_raised_limit_needs_nobody_and_a_lower_one_asks(aged: Aged) -> None:
    """A policy that was agreed to stays so when it keeps more; when it keeps less, a large purge waits for a person."""
    for days_ago in (50, 40, 1):
        aged.add(days_ago=days_ago)
    configure(aged, retention_days=90)
    aged.archive.policies.confirm("c", actor="it")
    configure(aged, retention_days=120)
    assert aged.archive.policies.is_confirmed("c")
    configure(aged, retention_days=30)
    with pytest.raises(NeedsConfirmation):
        enforcing.enforce(aged.archive, aged.archive.policies.effective("c"))
    aged.archive.policies.confirm("c", actor="it")
    assert enforcing.enforce(aged.archive, aged.archive.policies.effective("c")).archives_purged == 2


def test_what_a_person_set_later_holds(aged: Aged) -> None:
    """The last change wins: a command after the configuration, and the configuration once it is changed again."""
    configure(aged, retention_days=90, max_size_gb=5.0)
    by_hand(aged, retention_days=30)
    assert not configure(aged, retention_days=90, max_size_gb=5.0) and days(aged) == 30
    found = aged.archive.policies.differences("c")
    assert found == (Difference(name="retention_days", configured=90, in_force=30),)
    assert "retention_days 90 (in force: 30)" in describe(found)
    configure(aged, retention_days=90, max_size_gb=8.0)
    assert days(aged) == 30 and aged.archive.policies.effective("c").max_size_gb == 8.0
    configure(aged, retention_days=30, max_size_gb=8.0)
    assert aged.archive.policies.differences("c") == ()
    configure(aged, retention_days=45, max_size_gb=8.0)
    assert days(aged) == 45


def test_a_first_key_of_a_configuration_counts_after_a_command(aged: Aged) -> None:
    """The configuration named no limit at first; its first key is later than the command, and so the last change."""
    assert not configure(aged)
    by_hand(aged, retention_days=400)
    assert not configure(aged) and days(aged) == 400
    assert configure(aged, retention_days=60) and days(aged) == 60
    assert aged.archive.policies.differences("c") == ()


def test_a_reset_outlives_the_next_start(aged: Aged) -> None:
    """A converter that follows the policy of all others by command does so though the configuration names values."""
    configure(aged, retention_days=30, max_size_gb=5.0)
    aged.archive.policies.reset("c", actor="it")
    assert not configure(aged, retention_days=30, max_size_gb=5.0) and days(aged) == 90
    assert aged.archive.policies.differences("c")
    configure(aged, retention_days=40, max_size_gb=5.0)
    assert days(aged) == 40 and aged.archive.policies.effective("c").max_size_gb == 10.0


def test_a_configuration_that_says_nothing_differs_in_nothing(aged: Aged) -> None:
    """Without keys of retention the archive's own policy stays, and nobody is told of a difference."""
    configure(aged, retention_days=30)
    by_hand(aged, retention_days=50)
    assert not configure(aged) and days(aged) == 50
    assert aged.archive.policies.differences("c") == ()


def test_an_archive_of_an_earlier_version_takes_what_was_ignored(aged: Aged) -> None:
    """There the history says what the configuration said; a policy that a person set since is left, and told."""
    configure(aged, retention_days=30)
    _forget(aged)
    assert configure(aged, retention_days=60) and days(aged) == 60
    by_hand(aged, retention_days=50)
    _forget(aged)
    assert not configure(aged, retention_days=70) and days(aged) == 50
    assert [each.configured for each in aged.archive.policies.differences("c")] == [70]


def _forget(aged: Aged) -> None:
    aged.archive.write(lambda tx: tx.exec_driver_sql("DELETE FROM configured"))
