"""One worker process as the service sees it: started, called, ended; every wait has a limit."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker, spawn
from multiprocessing.process import BaseProcess

from pywats_archive.conversion.pool.time_limit import TimeLimit
from pywats_archive.host.worker import messages, serving
from pywats_archive.host.worker.announcing import Announcement
from pywats_archive.host.worker.isolation import one_line
from pywats_archive.host.worker.sandbox import end_session
from pywats_archive.host.worker.serving import Answer
from pywats_archive.host.worker.stop_signals import held_back

_END_S = 5.0
"""How long to wait for the end of a killed process; one that hangs in the kernel is abandoned."""
_LAST_BREATH_S = 1.0
"""How long a process may live after it closed its connection: it is ending."""
_CHECK_S = 0.005
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Ended:
    """The process ended by itself."""

    exit_code: int | None
    """Negative: the signal; None: it closed its connection and did not end."""


class OutOfTime(Exception):
    """The time limit is over; the process still runs."""


class WorkerProcess:
    """A spawned process; one thread at a time. OSError when it cannot be started."""

    def __init__(self, *, lower_priority: bool, without: tuple[str, ...] = ()) -> None:
        _require_interpreter()
        calls, self._calls = _SPAWN.Pipe(duplex=False)
        self._answers, answers = _SPAWN.Pipe(duplex=False)
        arguments = (calls, answers, lower_priority, without)
        self._process: BaseProcess = _SPAWN.Process(target=serving.serve, args=arguments, name="pywats-archive-worker")
        try:
            _start(self._process)
        except BaseException:
            self._close()
            raise
        finally:
            calls.close()
            answers.close()
        self.pid: int = self._process.pid or 0
        self.is_ready = False
        self.announced: Announcement | None = None
        """What the process announced about the current call."""

    def has_message(self) -> bool:
        """Whether ``receive`` returns at once: the process sent something, or closed the connection."""
        try:
            return self._answers.poll(0)
        except OSError:
            return True

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def call(self, function: Callable[..., object], job: object) -> None:
        """Begin a call; OSError when the process is gone, and nothing was begun."""
        self.announced = None
        messages.send(self._calls, pickle.dumps((function, job), pickle.HIGHEST_PROTOCOL))

    def receive(self, limit: TimeLimit, require: Callable[[], None]) -> Answer | Ended:
        """Wait for an answer; ``require`` is called every second, and what it raises ends the wait.

        OutOfTime when the limit is over. An answer that came before the end of the process, or of the limit, counts.
        """
        while True:
            ready = connection.wait([self._answers, self._process.sentinel], limit.slice_s)
            is_over = limit.tick()
            if self._answers in ready or self.has_message():
                message = self._received()
                if not isinstance(message, Announcement):
                    return message
                self.announced = message
                continue
            if ready or not self.is_alive:
                return self._ended()
            require()
            if is_over:
                raise OutOfTime

    def kill(self) -> None:
        """Kill it; from any thread."""
        self._process.kill()

    def end(self) -> None:
        """End it and whatever it started; idempotent."""
        if self._calls.closed:
            return
        self._close()
        if self.is_alive:
            end_session(self.pid)
            self._process.kill()
            self._is_gone(within_s=_END_S)

    def _close(self) -> None:
        self._calls.close()
        self._answers.close()

    def _received(self) -> Answer | Announcement | Ended:
        try:
            data = messages.receive(self._answers)
        except (EOFError, OSError):
            return self._ended()
        try:
            answer: Answer | Announcement = pickle.loads(data)  # noqa: S301 (of a process of ours, over a pipe of its own)
        except Exception as exc:
            return Answer(problem=one_line(exc))
        return answer

    def _ended(self) -> Ended:
        """Decide what a closed connection means: a converter may have closed it and still run."""
        if self._is_gone(within_s=_LAST_BREATH_S):
            end_session(self.pid)
            return Ended(self._process.exitcode)
        self.end()
        return Ended(None)

    def _is_gone(self, *, within_s: float) -> bool:
        """Wait for the end of the process; not by its sentinel, which a converter may have closed too."""
        deadline_s = time.monotonic() + within_s
        while self.is_alive:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_CHECK_S)
        return True


def _start(process: BaseProcess) -> None:
    """Start it with stop signals held back: it has its handlers only once Python and the first modules are loaded."""
    if hasattr(resource_tracker, "ensure_running") and os.name == "posix":
        with held_back():
            resource_tracker.ensure_running()  # unblocks some of them when it starts its process
    with held_back():
        process.start()


def _require_interpreter() -> None:
    """Raise OSError unless the interpreter may be executed; its failed start would only show as an exit code."""
    executable = os.fsdecode(spawn.get_executable())
    if not os.access(executable, os.X_OK):
        raise PermissionError(f"{executable} cannot be executed")
