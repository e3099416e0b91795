"""Jobs: actions over many entries in the background of the pages, with counts while they run and their outcome after that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pywats_archive.errors import AlreadyDone, ArchiveError, UnknownRun
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.redaction import redacted
from pywats_archive.web.jobs.actions import Bulk, Order, Outcome

_AT_ONCE = 50
"""Entries that are handed over together; a stop waits for their end."""
_MOST_RUNNING, _MOST_KEPT = 4, 50
MOST_OUTCOMES = 500
"""The outcomes that are kept, of entries that stay and of others each."""
_STOP_S = 2.0
Work = Callable[[Sequence[str]], Iterator[Outcome]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An action over many entries, while it runs and after its end."""

    key: str
    """Names the job; a form that is sent twice has the same one."""
    action: Bulk
    by: str
    started_at: datetime
    total: int
    folder: str = ""
    """Where sources are restored."""
    done: int = 0
    """Entries that it changed or restored."""
    left: int = 0
    """Entries that stay as they were."""
    outcomes: tuple[Outcome, ...] = ()
    """Of the first entries; those that stay come first."""
    ended_at: datetime | None = None
    """None while it runs."""
    is_complete: bool = False
    """Whether it came to its end, rather than that it was stopped or failed."""
    error: str | None = None
    """Why it failed; the entries that are not counted stay as they were."""


class Jobs:
    """Runs jobs in threads, and knows the last ones since the pages started."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._now = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._stopped: set[str] = set()

    def start(self, key: str, action: Bulk, archive_ids: Sequence[str], order: Order, work: Work) -> Job:
        """Begin a job; one that was begun under this key is returned. AlreadyDone while many others run."""
        with self._lock:
            if key in self._jobs:
                return self._jobs[key]
            if sum(job.ended_at is None for job in self._jobs.values()) >= _MOST_RUNNING:
                raise AlreadyDone("too many actions are running; wait until one has ended, then send the form again")
            self._forget()
            job = Job(
                key=key,
                action=action,
                by=order.by,
                started_at=self._now(),
                total=len(archive_ids),
                folder=str(order.folder) if action is Bulk.RESTORE else "",
            )
            self._jobs[key] = job
            thread = threading.Thread(target=self._run, args=(key, archive_ids, work), name="bulk", daemon=True)
            self._threads[key] = thread
            thread.start()
            return job

    def known(self, key: str) -> Job | None:
        """Return a job as it is now, if it is kept."""
        return self._jobs.get(key)

    def get(self, key: str) -> Job:
        """Return a job as it is now; UnknownRun if there is none."""
        if found := self.known(key):
            return found
        raise UnknownRun(
            "the outcome of this action is no longer kept; the history of each entry has what was done to it"
        )

    def stop(self, key: str) -> None:
        """Let a job end after the entries in progress; idempotent."""
        self.get(key)
        self._stopped.add(key)

    def close(self) -> None:
        """Stop all jobs, and wait a little for their end."""
        self._stopped |= set(self._jobs)
        for thread in self._threads.values():
            thread.join(_STOP_S)

    def _run(self, key: str, archive_ids: Sequence[str], work: Work) -> None:
        try:
            for start in range(0, len(archive_ids), _AT_ONCE):
                if key in self._stopped:
                    return
                self._note(key, list(work(archive_ids[start : start + _AT_ONCE])))
            self._change(key, is_complete=True)
        except (ArchiveError, OSError) as exc:
            self._change(key, error=redacted(str(exc)))
        finally:
            self._change(key, ended_at=self._now())

    def _note(self, key: str, found: Sequence[Outcome]) -> None:
        job = self._jobs[key]
        left = [each for each in (*job.outcomes, *found) if not each.is_done]
        done = [each for each in (*job.outcomes, *found) if each.is_done]
        self._change(
            key,
            done=job.done + sum(each.is_done for each in found),
            left=job.left + sum(not each.is_done for each in found),
            outcomes=(*left[:MOST_OUTCOMES], *done[:MOST_OUTCOMES]),
        )

    def _change(self, key: str, **values: object) -> None:
        self._jobs[key] = replace(self._jobs[key], **values)  # type: ignore[arg-type]

    def _forget(self) -> None:
        """Forget the oldest jobs that ended."""
        ended = [key for key, job in self._jobs.items() if job.ended_at is not None]
        for key in ended[: max(0, len(self._jobs) + 1 - _MOST_KEPT)]:
            del self._jobs[key], self._threads[key]
            self._stopped.discard(key)
