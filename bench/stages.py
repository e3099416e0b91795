"""Where the time of a source goes: how long each stage of its way takes, and how much of that is processor time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pywats_archive.archive import ledger
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.items import ArchivedItem
from pywats_archive.host.server.submission import Submitter
from pywats_archive.pipeline.postprocess import actions

_STAGES: dict[str, tuple[Any, str]] = {
    "archive the source": (ArchiveInterceptor, "pre_convert"),
    "convert (in its process)": (ConverterProcesses, "convert"),
    "archive the reports": (ArchiveInterceptor, "post_convert"),
    "record the answer": (ArchivedItem, "record_try"),
    "move the source": (actions, "apply"),
    "close the account": (ledger, "set_arrival"),
}
_SENDING = "send"


@dataclass
class Stages:
    """Seconds by stage, of all sources together: by the clock, and of this process' processor."""

    clock_s: dict[str, float] = field(default_factory=dict)
    processor_s: dict[str, float] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def add(self, stage: str, clock_s: float, processor_s: float | None = None) -> None:
        """Count one passage of one source."""
        with self._mutex:
            self.clock_s[stage] = self.clock_s.get(stage, 0.0) + clock_s
            if processor_s is not None:
                self.processor_s[stage] = self.processor_s.get(stage, 0.0) + processor_s

    def per_source(self, count: int) -> dict[str, str]:
        """Give each stage's milliseconds per source, the longest first."""
        longest_first = sorted(self.clock_s, key=lambda stage: -self.clock_s[stage])
        return {stage: self._told(stage, count) for stage in longest_first}

    def _told(self, stage: str, count: int) -> str:
        clock = f"{self.clock_s[stage] * 1e3 / count:.2f} ms"
        processor = self.processor_s.get(stage)
        return clock if processor is None else f"{clock}, processor {processor * 1e3 / count:.2f} ms"


@contextmanager
def stages() -> Iterator[Stages]:
    """Measure every source that goes through meanwhile."""
    measured = Stages()
    before = {name: (owner, attribute, getattr(owner, attribute)) for name, (owner, attribute) in _STAGES.items()}
    send = Submitter.submit
    try:
        for name, (owner, attribute, function) in before.items():
            setattr(owner, attribute, _timed(measured, name, function))
        Submitter.submit = _timed_send(measured, send)  # type: ignore[method-assign]
        yield measured
    finally:
        for owner, attribute, function in before.values():
            setattr(owner, attribute, function)
        Submitter.submit = send  # type: ignore[method-assign]


def _timed(measured: Stages, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        clock, processor = time.perf_counter(), time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            measured.add(name, time.perf_counter() - clock, time.thread_time() - processor)

    return timed


def _timed_send(measured: Stages, send: Callable[..., Any]) -> Callable[..., Any]:
    async def timed(*arguments: Any, **named: Any) -> Any:
        clock = time.perf_counter()
        try:
            return await send(*arguments, **named)
        finally:
            measured.add(_SENDING, time.perf_counter() - clock)

    return timed
