"""Tasks on Dask whose answer is lost with the connection."""

from __future__ import annotations

from typing import Any

import pytest
from distributed.comm.core import CommClosedError

from pywats_archive.plant.replaying.engines.distributing import _Dispatching
from pywats_archive.plant.replaying.engines.scheduler import Scheduler


class Lost:
    """A future whose scheduler goes while its answer is fetched."""

    def __init__(self, status: str) -> None:
        self.status = status

    def result(self) -> None:
        raise CommClosedError("the scheduler is gone")

    exception = result


@pytest.mark.parametrize("status", ["finished", "error"])
def test_a_task_whose_answer_is_lost_is_given_again(status: str) -> None:
    """Otherwise nobody would wait for it, and the progress never be whole."""
    dispatching, future, task = _Dispatching([], {}, Scheduler(address="tcp://127.0.0.1:8786")), Lost(status), object()
    going: dict[Any, Any] = dispatching._going
    going[future] = task
    with pytest.raises(CommClosedError):
        list(dispatching._outcome(future))  # type: ignore[arg-type]
    dispatching.give_back()
    assert list(dispatching._waiting) == [task]
