from __future__ import annotations

import copy
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.models.operation.replay import Change, ChangeKind
from pywats_archive.reprocessing.compare import Difference, Ran, difference

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
REPORT: dict[str, Any] = {
    "id": "a",
    "sn": "SN1",
    "start": "2026-02-13T10:00:00+00:00",
    "root": {"name": "Main", "steps": [{"name": n, "limit": {"high": 5.5}} for n in ("volts", "amps", "ohms")]},
}


def changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[Change, ...]:
    return difference(old, new).lasting


def changed(path: str, old: Any, new: Any) -> Change:
    return Change(path=path, kind=ChangeKind.CHANGED, old=old, new=new)


def test_a_changed_limit_is_named_where_it_stands() -> None:
    """A value deep in the document is told with its path, old and new, and nothing else is."""
    new = copy.deepcopy(REPORT) | {"id": "b"}
    new["root"]["steps"][1]["limit"]["high"] = 5.0
    assert changes(REPORT, new) == (changed("/root/steps[1]/limit/high", 5.5, 5.0),)


def test_a_step_in_between_makes_no_other_differ() -> None:
    """A step that was inserted is one addition, one that went one removal: the others keep their match."""
    new = copy.deepcopy(REPORT)
    new["root"]["steps"].insert(1, {"name": "hertz"})
    (only,) = changes(REPORT, new)
    assert (only.path, only.kind, only.new) == ("/root/steps[1]", ChangeKind.ADDED, {"name": "hertz"})
    (only,) = changes(new, REPORT)
    assert (only.path, only.kind, only.old) == ("/root/steps[1]", ChangeKind.REMOVED, {"name": "hertz"})


def test_types_count() -> None:
    """One, 1.0 and true are not the same for a server: a flag that became a number is told; 1 and 1.0 are equal JSON."""
    assert changes({"a": True}, {"a": 1}) == (changed("/a", True, 1),)
    assert changes({"a": 1}, {"a": 1.0}) == ()


def test_the_time_of_the_conversion_is_left_out_and_that_of_the_test_is_not() -> None:
    """A time that lies within each conversion is volatile by rule; another time is not, nor is an id deeper down."""
    old_ran = Ran(started_at=NOON, ended_at=NOON + timedelta(seconds=1))
    new_ran = Ran(started_at=NOON + timedelta(days=9), ended_at=NOON + timedelta(days=9, seconds=1))
    old = {"id": "1", "made": NOON.isoformat(), "start": "2026-02-13T10:00:00", "unit": {"id": "x"}}
    new = {
        "id": "2",
        "made": (NOON + timedelta(days=9)).isoformat(),
        "start": "2026-02-14T10:00:00",
        "unit": {"id": "y"},
    }
    told = difference(old, new, old_ran=old_ran, new_ran=new_ran)
    assert [each.path for each in told.lasting] == ["/start", "/unit/id"]
    assert [each.path for each in told.volatile] == ["/id", "/made"]


def test_a_time_without_a_zone_may_be_local_or_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Converters write the station's local time without a zone, and ``startUTC`` in UTC: both are times of the conversion."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        later = NOON + timedelta(days=1)
        ran = {"old_ran": Ran.of(NOON, 1000), "new_ran": Ran.of(later, 1000)}
        old = {"local": "2026-11-24T21:00:00", "utc": "2026-11-24T12:00:00", "else": "2026-11-24T13:00:00"}
        new = {"local": "2026-11-25T21:00:00", "utc": "2026-11-25T12:00:00", "else": "2026-11-25T13:00:00"}
        assert [each.path for each in difference(old, new, **ran).lasting] == ["/else"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_thousands_of_steps_of_one_name_are_matched_at_once() -> None:
    """Lists of the same names are matched member by member: one by one, ten thousand would take a quarter of a minute."""
    old = {"steps": [{"name": "wait", "n": number} for number in range(10_000)]}
    new = {"steps": [{"name": "wait", "n": number + (number == 5)} for number in range(10_000)]}
    assert changes(old, new) == (changed("/steps[5]/n", 5, 6),)
    steps = [*old["steps"][:7], {"name": "more"}, *old["steps"][7:]]
    assert [each.path for each in changes(old, {"steps": steps})] == ["/steps[7]"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "b", "c"]), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("xyz"), JSON), st.dictionaries(st.sampled_from("xyz"), JSON))
def test_no_difference_is_missed_and_none_made_up(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Documents differ exactly when something is told."""
    assert difference(old, copy.deepcopy(old)) == Difference()
    is_same = repr_of(old) == repr_of(new)
    assert (difference(old, new) == Difference()) == is_same


def repr_of(value: Any) -> Any:
    """A value with its flags told apart from numbers, and without the order of keys."""
    if isinstance(value, dict):
        return {key: repr_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [repr_of(inner) for inner in value]
    return (isinstance(value, bool), value)
