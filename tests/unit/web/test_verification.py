"""A check in the background: one at a time, counted, stopped, and its failure shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.errors import AlreadyDone, ArchiveAway
from pywats_archive.models.operation.integrity import Checked, Problem, ProblemKind, Thoroughness
from pywats_archive.web.verification import Depth, Verification

BAD = Checked(blobs=1, problem=Problem(kind=ProblemKind.BLOB_MISSING, path="a.gz", message="a.gz is missing"))


def _ended(verification: Verification) -> None:
    assert verification._thread
    verification._thread.join(PATIENCE_S)


def test_a_check_counts_and_ends() -> None:
    """The counts are those of the files; of many problems the first are kept, and all are counted."""
    asked: list[Thoroughness] = []

    def verify(how: Thoroughness) -> Iterator[Checked]:
        asked.append(how)
        yield from [Checked(blobs=1), *[BAD] * 300]

    verification = Verification(verify, lambda: 301)
    verification.start(Depth.SAMPLE, by="ann")
    _ended(verification)
    state = verification.state
    assert state and state.is_complete and state.ended_at and state.started_by == "ann"
    assert (state.checked, state.total, state.problem_count, len(state.problems)) == (301, 301, 300, 200)
    assert (asked[0].quick, asked[0].sample_percent) == (False, 10)


def test_one_check_at_a_time_and_its_stop() -> None:
    """A second one is refused while the first one runs; a stop leaves the counts, and another one may begin."""
    reached, go_on = threading.Event(), threading.Event()

    def verify(_: Thoroughness) -> Iterator[Checked]:
        yield Checked(blobs=1)
        reached.set()
        go_on.wait(PATIENCE_S)
        yield Checked(blobs=1)

    verification = Verification(verify, lambda: 2)
    verification.start(Depth.QUICK, by="ann")
    assert reached.wait(PATIENCE_S)
    with pytest.raises(AlreadyDone):
        verification.start(Depth.FULL, by="bob")
    verification.stop()
    go_on.set()
    _ended(verification)
    state = verification.state
    assert state and state.ended_at and not state.is_complete and state.checked == 1
    verification.start(Depth.FULL, by="bob")
    _ended(verification)
    assert verification.state and verification.state.is_complete


def test_a_failure_is_shown() -> None:
    """An archive that goes away ends the check with the reason."""

    def verify(_: Thoroughness) -> Iterator[Checked]:
        yield Checked(blobs=1)
        raise ArchiveAway("/archive: is unavailable")

    verification = Verification(verify, lambda: 2)
    verification.start(Depth.FULL, by="ann")
    _ended(verification)
    state = verification.state
    assert state and state.error == "/archive: is unavailable" and state.ended_at and not state.is_complete
