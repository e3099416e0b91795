"""What is at fault among many is found, and what concerns all is raised."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.alone import each_alone, is_of_one
from pywats_archive.errors import ArchiveError, CatalogError, CatalogRefused
from pywats_archive.pipeline.alerting.isolation import LONGEST_RETRY_S, RETRY_S, delay_s


@given(st.lists(st.booleans(), max_size=40))
def test_each_that_is_at_fault_is_left_out_and_no_other_one(faults: list[bool]) -> None:
    """Whatever number of them is at fault, each good one is acted on exactly once, in order."""
    bad = {number for number, is_bad in enumerate(faults) if is_bad}
    told: list[int] = []

    def act(numbers: Sequence[int]) -> list[int]:
        if bad & set(numbers):
            raise CatalogRefused
        return list(numbers)

    done = [
        number for part in each_alone(act, range(len(faults)), lambda one, error: told.append(one)) for number in part
    ]
    assert done == [number for number, is_bad in enumerate(faults) if not is_bad]
    assert told == sorted(bad)


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (ValueError(), True),
        (OverflowError(), True),
        (CatalogRefused(), True),
        (CatalogError(), False),
        (ArchiveError(), False),
        (OSError(), False),
    ],
)
def test_what_concerns_the_archive_or_its_disk_is_no_fault_of_one_source(error: Exception, is_one: bool) -> None:
    """Only an error that is about what was being done alone keeps that one waiting alone."""
    assert is_of_one(error) is is_one
    if is_one:
        return

    def act(items: Sequence[int]) -> None:
        raise error

    with pytest.raises(type(error)):
        list(each_alone(act, [1, 2], lambda one, error: None))


def test_what_meets_an_unexpected_error_over_and_over_is_tried_less_and_less_often() -> None:
    """Each wait is twice as long as the one before, and none is longer than five minutes."""
    waits = [delay_s(tries) for tries in range(1000)]
    assert waits[:4] == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S, 8 * RETRY_S]
    assert max(waits) == waits[-1] == LONGEST_RETRY_S
