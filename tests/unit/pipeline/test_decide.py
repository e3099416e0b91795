"""What is to be done, decided from values alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from tests.aged import Aged

from pywats_archive.archive import ledger
from pywats_archive.config import ConverterConfig, PostProcessAction
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.sending.items import LONGEST_DELAY, after_try
from pywats_archive.host.server.answers import SubmitOutcome
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.postprocess.decisions import Destination, after_conversion, ending, is_due

NOW = datetime(2026, 2, 13, tzinfo=timezone.utc)


def config(**keys: object) -> ConverterConfig:
    """Make a converter's configuration."""
    return ConverterConfig.model_validate({"name": "c", "module_path": "m.C", "watch_folder": "w", **keys})


def test_a_clock_that_is_set_back_makes_nothing_wait_longer() -> None:
    """What was suspended is due at its time, and at once when the clock is earlier than when it was suspended."""
    arrival = Arrival(
        arrival_id=1,
        converter_name="c",
        path="a",
        size_bytes=1,
        mtime_ns=1,
        first_seen_at=NOW,
        changed_at=NOW,
        state=ArrivalState.SUSPENDED,
        retry_at=NOW + timedelta(minutes=10),
    )
    assert not is_due(arrival, NOW + timedelta(minutes=9))
    assert is_due(arrival, NOW + timedelta(minutes=10))
    assert is_due(arrival, NOW - timedelta(minutes=50))


@pytest.mark.parametrize(("retries", "states"), [(0, ["c"]), (1, ["s", "c"]), (3, ["s", "s", "s", "c"])])
def test_a_suspended_source_is_tried_as_often_as_allowed(retries: int, states: list[str]) -> None:
    """After ``max_retries`` retries a suspension is an end."""
    result = ConversionResult(status=ConversionStatus.SUSPENDED, error="waits", retry_after=timedelta(seconds=7))
    attempts, seen = 0, []
    for _ in states:
        after = after_conversion(result, config(max_retries=retries), attempts=attempts)
        attempts = after.attempts
        seen.append("s" if after.state is ArrivalState.SUSPENDED else "c")
        if seen[-1] == "s":
            assert after.retry_after == timedelta(seconds=7)
    assert seen == states


def test_a_clock_that_is_set_back_before_a_suspension_is_recorded_makes_it_wait_no_longer(tmp_path: Path) -> None:
    """The moment of the next try counts from the moment that the suspension is recorded."""
    aged = Aged(tmp_path, now=NOW)
    entry = aged.add(status=None)
    (arrival,) = ledger.enter(aged.archive, "c", [ledger.Sighting(path="a", size_bytes=1, mtime_ns=1)])
    result = ConversionResult(status=ConversionStatus.SUSPENDED, error="waits", retry_after=timedelta(seconds=7))
    after = after_conversion(result, config(), attempts=0)
    aged.now -= timedelta(hours=1)
    interceptor = ArchiveInterceptor(aged.archive, config(), key=bytes(32))
    interceptor.post_convert(entry, result, arrival_id=arrival.arrival_id, next_state=after)
    (suspended,) = ledger.suspended(aged.archive, "c")
    assert suspended.retry_at == aged.now + timedelta(seconds=7)
    aged.archive.close()


def test_reports_are_waited_for() -> None:
    """A success with reports waits for the server, one without is done."""
    success = ConversionResult(status=ConversionStatus.SUCCESS, documents=(b"{}",))
    assert after_conversion(success, config(), attempts=0).state is ArrivalState.WAITING
    none = ConversionResult(status=ConversionStatus.SUCCESS)
    assert after_conversion(none, config(), attempts=0).state is ArrivalState.CONVERTED


@pytest.mark.parametrize(
    ("asked", "configured", "destination"),
    [(None, "move", "done"), (None, "archive", "removed"), ("keep", "delete", "kept"), ("zip", "move", "zipped")],
)
def test_the_converters_own_post_action_goes_first(asked: str | None, configured: str, destination: str) -> None:
    """What a result asks for goes before the configuration."""
    end = ending(
        ConversionStatus.SUCCESS, [SubmissionState.ACCEPTED], config(post_action=configured), requested_action=asked
    )
    assert end.destination.value == destination and end.state is ArrivalState.DONE


@pytest.mark.parametrize("action", list(PostProcessAction))
def test_nothing_that_failed_is_removed(action: PostProcessAction) -> None:
    """Whatever the post action, a failed source and one whose report was refused go to Error (invariant 2)."""
    settings = config(post_action=action)
    failed = ending(ConversionStatus.FAILED, [], settings)
    refused = ending(ConversionStatus.SUCCESS, [SubmissionState.ACCEPTED, SubmissionState.REFUSED], settings)
    assert failed.destination is Destination.ERROR and failed.state is ArrivalState.FAILED
    assert refused.destination is Destination.ERROR and refused.state is ArrivalState.REFUSED


def test_archive_keeps_what_the_archive_does_not_hold() -> None:
    """ARCHIVE without the bytes in the archive leaves the source in Done (invariant 2)."""
    end = ending(ConversionStatus.SUCCESS, [], config(post_action="archive"), is_archived=False)
    assert end.destination is Destination.DONE


def test_a_report_is_tried_ever_more_rarely_and_for_ever() -> None:
    """The delay grows to its bound and never ends (invariant 4)."""
    delays = [after_try(SubmitOutcome.LATER, tries=tries).delay for tries in range(1, 40)]
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(delays))
    assert delays[-1] == LONGEST_DELAY
    assert after_try(SubmitOutcome.ACCEPTED, tries=1).delay is None
    assert after_try(SubmitOutcome.REFUSED, tries=1).state is SubmissionState.REFUSED
    assert after_try(SubmitOutcome.STOP, tries=1).state is SubmissionState.WAITING
