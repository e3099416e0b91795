"""Values at the edges of what can be stored, and what a policy may be."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.time import FIRST_NS, LAST_NS, UTC, later, storable_ns


@given(st.integers(min_value=-(2**100), max_value=2**100))
def test_a_time_is_stored_as_it_is_or_as_the_nearest_that_can_be(moment_ns: int) -> None:
    """Whatever a file system says fits in 64 bits, and what fits is not changed."""
    stored = storable_ns(moment_ns)
    assert FIRST_NS <= stored <= LAST_NS
    assert (stored == moment_ns) is (FIRST_NS <= moment_ns <= LAST_NS)


@given(st.timedeltas())
def test_a_delay_of_any_length_leads_to_a_moment(delay: timedelta) -> None:
    """No delay overflows; a longer one never leads to an earlier moment."""
    now = datetime(2026, 2, 13, tzinfo=UTC)
    assert (later(now, delay) >= now) is (delay >= timedelta())


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_size_gb": math.inf},
        {"max_size_gb": math.nan},
        {"max_size_gb": "10"},
        {"retention_days": "90"},
        {"retention_days": 90.5},
        {"min_entries": 2**70},
    ],
)
def test_a_policy_of_impossible_values_is_refused(wrong: dict[str, Any]) -> None:
    """One ValueError names the policy, the key and what it may be."""
    (key,) = wrong
    with pytest.raises(ValueError, match=f"policy of 'c': {key} = "):
        RetentionPolicy(converter_name="c", **wrong)


_STAMP = FileStamp(size_bytes=3, mtime_ns=7, file_count=2, inode=11, ctime_ns=5)


@pytest.mark.parametrize(
    ("changes", "matches", "is_other_file", "is_unchanged"),
    [
        ({}, True, False, True),
        ({"inode": None}, True, False, True),
        ({"ctime_ns": 6}, True, False, True),
        ({"inode": 12}, True, True, False),
        ({"file_count": 1}, True, False, False),
        ({"size_bytes": 4}, False, False, False),
        ({"mtime_ns": 8}, False, False, False),
    ],
)
def test_stamps_say_what_changed(
    changes: dict[str, Any], matches: bool, is_other_file: bool, is_unchanged: bool
) -> None:
    """An unknown inode makes no other file, an arrival's missing number of files no other source (invariant 12)."""
    other = replace(_STAMP, **changes)
    assert (_STAMP.matches(other), _STAMP.is_other_file(other)) == (matches, is_other_file)
    assert _STAMP.is_unchanged(other) is other.is_unchanged(_STAMP) is is_unchanged
    assert (hash(_STAMP) == hash(other)) == (other == _STAMP)
