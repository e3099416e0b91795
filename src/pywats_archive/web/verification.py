"""A check of all archives in the background of the pages: one at a time, with counts while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pywats_archive.errors import AlreadyDone, ArchiveError
from pywats_archive.models.operation.integrity import Checked, HistoryChecked, Problem, Thoroughness
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.redaction import redacted

_MOST_PROBLEMS = 200
_STOP_S = 2.0


class Depth(str, Enum):
    """How much of the archive a check reads."""

    QUICK = "quick"
    """Names, sizes and headers."""
    SAMPLE = "sample"
    """The same, and a tenth of the files whole, others each day."""
    FULL = "full"
    """Every file whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckState:
    """A check, while it runs and after its end."""

    depth: Depth
    started_by: str
    started_at: datetime
    total: int | None = None
    """The number of files; None until they are counted."""
    checked: int = 0
    problem_count: int = 0
    problems: tuple[Problem, ...] = ()
    """The first of them."""
    histories: tuple[HistoryChecked, ...] = ()
    """How much of the history of each archive was checked, and the anchor up to which it is proved."""
    ended_at: datetime | None = None
    """None while it runs."""
    is_complete: bool = False
    """Whether it came to its end, rather than that it was stopped or failed."""
    error: str | None = None
    """Why it failed."""


class Verification:
    """Runs checks, one at a time; knows the running one, or the last one since the pages started."""

    def __init__(
        self, verify: Callable[[Thoroughness], Iterator[Checked]], count: Callable[[], int], *, clock: Clock = utc_now
    ) -> None:
        self._verify = verify
        self._count = count
        self._now = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.state: CheckState | None = None

    def start(self, depth: Depth, *, by: str) -> CheckState:
        """Begin a check; AlreadyDone while another one runs."""
        with self._lock:
            if self.state and self.state.ended_at is None:
                raise AlreadyDone("a check runs already; wait for its end, or stop it")
            self._stopping.clear()
            self.state = state = CheckState(depth=depth, started_by=by, started_at=self._now())
            self._thread = threading.Thread(target=self._run, args=(depth,), name="verification", daemon=True)
            self._thread.start()
            return state

    def stop(self) -> None:
        """Let a running check end after the file in progress; idempotent."""
        self._stopping.set()

    def close(self) -> None:
        """Stop a check, and wait a little for its end."""
        self.stop()
        if self._thread:
            self._thread.join(_STOP_S)

    def _run(self, depth: Depth) -> None:
        try:
            self._change(total=self._count())
            self._change(is_complete=self._follow(self._verify(self._thoroughness(depth))))
        except (ArchiveError, OSError) as exc:
            self._change(error=redacted(str(exc)))
        finally:
            self._change(ended_at=self._now())

    def _follow(self, found: Iterator[Checked]) -> bool:
        for each in found:
            if self._stopping.is_set():
                return False
            self._note(each)
        return True

    def _note(self, each: Checked) -> None:
        state = self.state
        assert state
        problems = state.problems
        if each.problem and len(problems) < _MOST_PROBLEMS:
            problems = (*problems, each.problem)
        checked = state.checked + each.blobs
        self._change(
            checked=checked,
            total=state.total and max(state.total, checked),  # a service archives meanwhile
            problem_count=state.problem_count + (each.problem is not None),
            problems=problems,
            histories=(*state.histories, each.history) if each.history else state.histories,
        )

    def _thoroughness(self, depth: Depth) -> Thoroughness:
        percent = 10.0 if depth is Depth.SAMPLE else 100.0
        return Thoroughness(quick=depth is Depth.QUICK, sample_percent=percent, seed=f"{self._now():%Y-%m-%d}")

    def _change(self, **values: object) -> None:
        assert self.state
        self.state = replace(self.state, **values)  # type: ignore[arg-type]
