"""Which of the converters of one folder has a source, and when it is the next one's; decided from values."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.processing.sharing import has_passed_on, passed_on, surest

NOW = datetime(2026, 2, 13, tzinfo=timezone.utc)
ARRIVAL = Arrival(
    arrival_id=1,
    converter_name="A",
    path="/w/a.log",
    size_bytes=3,
    mtime_ns=7,
    first_seen_at=NOW,
    state=ArrivalState.SKIPPED,
    changed_at=NOW,
)
FAILED = Ending(state=ArrivalState.FAILED, destination=Destination.ERROR, reason="no header")
SKIPPED = Ending(state=ArrivalState.SKIPPED, destination=Destination.KEPT, reason="not mine")
REJECTED = Ending(state=ArrivalState.REJECTED, destination=Destination.KEPT, reason="0.1")
REFUSED = Ending(state=ArrivalState.REFUSED, destination=Destination.ERROR, reason="409")
DONE = Ending(state=ArrivalState.DONE, destination=Destination.DONE)


@pytest.mark.parametrize(
    ("ending", "heir", "failed_before", "state", "destination", "reason"),
    [
        (FAILED, "B", None, ArrivalState.SKIPPED, Destination.KEPT, "failed here: no header; left to 'B'"),
        (SKIPPED, "B", None, ArrivalState.SKIPPED, Destination.KEPT, "not mine; left to 'B'"),
        (REJECTED, "B", None, ArrivalState.REJECTED, Destination.KEPT, "0.1; left to 'B'"),
        (FAILED, None, "failed here: x", ArrivalState.FAILED, Destination.ERROR, "no header"),
        (SKIPPED, None, "failed here: x", ArrivalState.FAILED, Destination.ERROR, "failed here: x; not mine"),
        (SKIPPED, None, None, ArrivalState.SKIPPED, Destination.KEPT, "not mine"),
        (REFUSED, "B", None, ArrivalState.REFUSED, Destination.ERROR, "409"),
        (DONE, "B", "failed here: x", ArrivalState.DONE, Destination.DONE, None),
    ],
)
def test_how_a_source_ends_for_one_of_several(
    ending: Ending,
    heir: str | None,
    failed_before: str | None,
    state: ArrivalState,
    destination: Destination,
    reason: str | None,
) -> None:
    """What a converter does not take is the next one's; what nobody takes goes to Error once one failed at it."""
    expected = Ending(state=state, destination=destination, reason=reason)
    assert passed_on(ending, heir=heir, failed_before=failed_before) == expected


@pytest.mark.parametrize(
    ("known", "is_passed_on"),
    [
        (None, False),
        (ARRIVAL, True),
        (replace(ARRIVAL, state=ArrivalState.REJECTED), True),
        (replace(ARRIVAL, state=ArrivalState.SEEN), False),
        (replace(ARRIVAL, state=ArrivalState.DONE), False),
        (replace(ARRIVAL, moved_to="/d/a.log"), False),
        (replace(ARRIVAL, mtime_ns=8), False),
    ],
)
def test_when_a_source_is_the_next_ones(known: Arrival | None, is_passed_on: bool) -> None:
    """Only what lies there as it was when it was not taken is the next converter's (invariant 12)."""
    assert has_passed_on(known, FileStamp(size_bytes=3, mtime_ns=7)) is is_passed_on


@pytest.mark.parametrize(
    ("own", "rivals", "name"),
    [
        (0.5, {}, None),
        (0.5, {"B": 0.5}, None),
        (0.5, {"B": 0.4, "C": 0.0}, None),
        (0.5, {"B": 0.6, "C": 0.9}, "C"),
        (0.0, {"B": 0.9, "C": 0.9}, "B"),
    ],
)
def test_who_is_surest(own: float, rivals: dict[str, float], name: str | None) -> None:
    """Of equals in priority the surest one has the source, of equals in that the first one."""
    assert surest(own, rivals) == name
