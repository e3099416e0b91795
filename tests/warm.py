"""Worker processes for tests, forked from one process per session that has pyWATS imported: a start takes milliseconds.

The product spawns each worker, which then imports pyWATS for half a second. Apart from that, what runs is the same:
a process of its own with the environment, folder and blocked signals of its parent, which shares no memory with the service.
A test about the start or the end of processes is marked ``spawned`` and has the product's own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

from pywats_archive.conversion.pool import worker_process

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.warm_imports"])


class WarmContext:
    """What ``WorkerProcess`` needs of a multiprocessing context."""

    Pipe = staticmethod(_FORKS.Pipe)

    @staticmethod
    def Process(*, target: Callable[..., object], args: Iterable[Any], name: str) -> BaseProcess:
        """Make a process that is forked when it is started."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return _FORKS.Process(target=_begin, args=(dict(os.environ), blocked, target, tuple(args)), name=name)


def share() -> None:
    """Start the process that has pyWATS imported, for all processes that are forked from this one, too."""
    forkserver.ensure_running()
    worker_process._SPAWN = WarmContext  # type: ignore[assignment]
    os.register_at_fork(after_in_child=_use_shared)


def _use_shared() -> None:
    """It is no child of this process, which could not ask whether it runs, nor wait for it in the end."""
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    resource_tracker._resource_tracker._pid = None  # type: ignore[attr-defined]


def _begin(
    environment: dict[str, str], blocked: set[int], target: Callable[..., object], args: tuple[Any, ...]
) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.environ.clear()
    os.environ.update(environment)
    target(*args)
