"""Limits in time."""

from __future__ import annotations

import pytest

from pywats_archive.conversion.pool.time_limit import TimeLimit


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("steps", "lived_s", "is_over"),
    [
        ([1.0] * 9, 9.0, False),
        ([1.0] * 10, 10.0, True),
        ([1.0, 8 * 3600.0, 1.0], 4.0, False),  # a night's sleep of the machine
        ([1.0, 3600.0, 3600.0, 3600.0, 3600.0, 1.0], 10.0, True),  # what wakes now and then is lived through
        ([1.0, -3600.0, 1.0], 2.0, False),  # no monotonic clock does that
    ],
)
def test_only_time_that_was_lived_through_counts(steps: list[float], lived_s: float, is_over: bool) -> None:
    """A limit of 10 s is not used up by a machine that sleeps or a process that is frozen."""
    clock = Clock()
    limit = TimeLimit(10.0, clock=clock)
    ends = []
    for step in steps:
        clock.now_s += step
        ends.append(limit.tick())
    assert (limit.lived_s, ends[-1]) == (lived_s, is_over)
    assert not any(ends[:-1])


def test_a_wait_is_never_longer_than_what_is_left() -> None:
    """Whoever waits looks again after a second at most, and at the end of the limit."""
    clock = Clock()
    limit = TimeLimit(1.5, clock=clock)
    waits = []
    while not limit.tick():
        waits.append(limit.slice_s)
        clock.now_s += waits[-1]
    assert waits == [1.0, 0.5] and limit.slice_s == 0.0
