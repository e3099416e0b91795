from __future__ import annotations

from dataclasses import replace

import pytest

from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.pipeline.alerting.alerts import ALMOST_FULL, FAILING, FILLING, NEARLY_FULL
from pywats_archive.pipeline.alerting.thresholds import evaluate

EMPTY = ArchiveStatistics(
    converter_name="c",
    total_entries=0,
    by_status={},
    source_size_bytes=0,
    compressed_size_bytes=0,
    report_count=0,
    report_size_bytes=0,
    report_compressed_size_bytes=0,
    waiting_reports=0,
    refused_reports=0,
    warned_entries=0,
    compression_ratio=0,
    oldest_entry=None,
    newest_entry=None,
)


def verdicts(figures: ArchiveStatistics, failures: int = 0, alarm: int = 10) -> dict[str, bool | None]:
    whole = replace(figures, converter_name=None, by_converter=(figures,))
    found = evaluate(whole, root="/a", recent_failures={"c": failures}, most_failures={"c": alarm})
    return {reading.name: reading.is_wrong for reading in found}


@pytest.mark.parametrize(
    ("percent", "nearly", "almost"),
    [(74, False, False), (76, None, False), (80, True, False), (92, True, None), (95, True, True), (120, True, True)],
)
def test_sizes_are_judged_with_some_play(percent: int, nearly: bool | None, almost: bool | None) -> None:
    """At 80 and 95 % of the limit an alert begins; it is over 5 points below, so that it does not come and go."""
    found = verdicts(replace(EMPTY, disk_size_bytes=percent, max_size_bytes=100))
    assert (found[NEARLY_FULL], found[ALMOST_FULL]) == (nearly, almost)


def test_without_a_limit_no_size_is_wrong() -> None:
    """A policy that is disabled has no limit to come near to."""
    assert verdicts(replace(EMPTY, disk_size_bytes=10**15))[ALMOST_FULL] is False


@pytest.mark.parametrize(("days", "is_wrong"), [(None, False), (7.1, False), (6.9, True), (0.0, True)])
def test_growth_that_fills_the_disk_within_a_week(days: float | None, is_wrong: bool) -> None:
    """A disk that will be full within seven days is an alert."""
    assert verdicts(replace(EMPTY, days_until_disk_full=days))[FILLING] is is_wrong


@pytest.mark.parametrize(("failures", "alarm", "is_wrong"), [(10, 10, False), (11, 10, True), (99, 0, False)])
def test_failures_above_the_alarm(failures: int, alarm: int, is_wrong: bool) -> None:
    """More failures within an hour than ``alarm`` allows are an alert; 0 allows any number."""
    assert verdicts(EMPTY, failures, alarm)[FAILING] is is_wrong
