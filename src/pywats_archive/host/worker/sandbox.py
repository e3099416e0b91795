"""The sandbox of a worker process: it limits what the process may use, and ends what outlives a job or the service.

Differences between operating systems are here and in ``portable/windows/job.py``. Outside a worker process the sandbox
is inactive, so that a conversion can be tried in any process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import connection, parent_process

from pywats_archive.portable.windows.job import WindowsJob

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of Linux' prctl: a process below this one that loses its parent becomes its child."""
_THREADS = "/proc/self/task"


class Sandbox:
    """The sandbox of this process; there is one."""

    def __init__(self) -> None:
        self._is_up = False
        self._is_unfit = False
        self._job: WindowsJob | None = None

    def activate(self) -> None:
        """Sandbox this process permanently; only for worker processes."""
        if sys.platform == "win32":
            self._job = WindowsJob.around_this_process()
        else:
            os.setsid()  # what it starts can be found and ended by the session
        if sys.platform == "linux":
            _prctl()(_SUBREAPER, 1, 0, 0, 0)
        self._is_up = True
        threading.Thread(target=self._end_with_service, name="sandbox", daemon=True).start()

    @property
    def is_fit(self) -> bool:
        """Whether earlier jobs left nothing, so that another job may start."""
        return not self._is_unfit

    @contextlib.contextmanager
    def memory_limited(self, limit_mb: float) -> Iterator[None]:
        """Limit the memory of this process inside the block, in 10⁶ bytes; 0 is no limit."""
        if not (self._is_up and limit_mb):
            yield
            return
        with self._limited(int(limit_mb * 1e6)):
            yield

    @contextlib.contextmanager
    def _limited(self, limit_bytes: int) -> Iterator[None]:
        if sys.platform == "win32":
            assert self._job
            self._job.limit_memory(limit_bytes)
            try:
                yield
            finally:
                self._job.limit_memory(None)
            return
        import resource  # noqa: PLC0415 (POSIX alone)

        before, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (before, hard))

    def end_job(self, threads_before: set[threading.Thread]) -> tuple[str, ...]:
        """End a job: end its processes, and take no other job if it left threads; return a message for each."""
        if not self._is_up:
            return ()
        messages = []
        if children := self._end_children():
            messages.append(f"the converter left {_count(children, 'process', 'processes')} running, which were ended")
        threads = [t for t in threading.enumerate() if t not in threads_before and t.is_alive()]
        if threads:
            messages.append(
                f"the converter left {_count(len(threads), 'thread', 'threads')} running; its process is ended"
            )
        if threads or (children and sys.platform == "win32"):
            self._is_unfit = True
        return tuple(messages)

    def _end_children(self) -> int:
        if self._job:
            return self._job.other_processes
        ended: set[int] = set()
        while children := _children() - ended:
            for pid in children:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
            ended |= children
        return len(ended)

    @staticmethod
    def _end_with_service() -> None:
        """Wait for the end of the service, then end this process and every process that it started."""
        service = parent_process()
        if service is None:
            return
        connection.wait([service.sentinel])
        end_session(os.getpid())
        os._exit(1)


SANDBOX = Sandbox()


def end_session(worker: int) -> None:
    """End the processes that a worker process left, by its session; on Windows its job object does so."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker, signal.SIGKILL)


def _prctl() -> Callable[..., int]:
    function = ctypes.CDLL(None).prctl
    function.restype, function.argtypes = ctypes.c_int, [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return function


def _children() -> set[int]:
    """Return the children of this process, and orphans below it; only Linux reports them."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir(_THREADS):  # noqa: PTH208 (strings: this is asked after every job)
            with contextlib.suppress(OSError), open(f"{_THREADS}/{thread}/children", "rb", buffering=0) as stream:  # noqa: PTH123
                found |= {int(pid) for pid in stream.read().split()}
    return found


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
