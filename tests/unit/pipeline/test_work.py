"""The queue of a service's threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.station import PATIENCE_S, wait_for

from pywats_archive.pipeline.processing import work_queue
from pywats_archive.pipeline.processing.work_queue import URGENT, WorkQueue


class Done:
    """A queue with one thread, and what it did."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.names: list[str] = []
        self.gate = threading.Event()
        self.queue = WorkQueue(threads=1, stopping=self.stopping, on_end=lambda: None)

    def put(self, name: str, *, priority: int = 5) -> None:
        self.queue.put(lambda: self.names.append(name), priority=priority)

    def put_slow(self, name: str) -> threading.Event:
        begun = threading.Event()

        def work() -> None:
            begun.set()
            self.gate.wait(PATIENCE_S)
            self.names.append(name)

        self.queue.put(work, priority=5)
        return begun


@pytest.fixture
def done() -> Iterator[Done]:
    """A queue that is closed in the end."""
    made = Done()
    yield made
    made.gate.set()
    made.queue.close()


def test_nothing_is_begun_while_it_is_held(done: Done) -> None:
    """A held queue ends what was begun, begins nothing, and loses nothing once it goes on."""
    assert done.put_slow("begun").wait(PATIENCE_S)
    assert not done.queue.pause()
    done.put("waits")
    done.gate.set()
    wait_for(done.queue.pause)
    assert done.names == ["begun"] and done.queue.busy_count == 1
    done.queue.resume()
    wait_for(lambda: done.names == ["begun", "waits"])
    wait_for(lambda: done.queue.busy_count == 0)


def test_what_is_forgotten_is_not_begun(done: Done) -> None:
    """What waited and was not urgent is dropped; what is urgent, and what comes later, is done."""
    assert done.queue.pause()
    done.put("old")
    done.put("urgent", priority=URGENT)
    done.queue.drop_queued()
    done.put("new")
    done.queue.resume()
    wait_for(lambda: done.queue.busy_count == 0)
    assert sorted(done.names) == ["new", "urgent"]


def test_a_held_queue_can_be_closed() -> None:
    """A service that is stopped while its queue is held ends, and begins nothing more."""
    done = Done()
    done.queue.pause()
    done.put("left to the next start")
    wait_for(done.queue._queue.empty)  # a thread has it in its hands
    done.stopping.set()
    done.queue.close()
    assert done.names == []


def test_a_thread_outlives_whatever_goes_wrong(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that fails, a log that fails to say so, and who is called at its end: the next piece is done."""

    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(work_queue.log, "exception", fail, raising=False)
    monkeypatch.setattr(done.queue, "_on_end", fail)
    for _ in range(3):
        done.queue.put(fail, priority=5)
    done.put("next")
    wait_for(lambda: done.names == ["next"] and done.queue.busy_count == 0)
    assert done.queue.is_served
