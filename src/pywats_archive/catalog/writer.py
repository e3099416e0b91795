"""Group commit: the units of many threads in one transaction, each thread waiting for its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection

from pywats_archive.catalog.binding.noting import Noted
from pywats_archive.catalog.driver import DRIVER_ERRORS, execute, translated
from pywats_archive.catalog.events import bind_rest
from pywats_archive.errors import CatalogError
from pywats_archive.models.step import OnStep
from pywats_archive.models.time import Clock

T = TypeVar("T")
Unit = Callable[[Connection], T]


class Writer:
    """The one writer of a process. The first waiter becomes the committer and commits for all waiters.

    Units must be repeatable: if one of a group fails, all are rolled back and run again, each alone, so that only the faulty
    unit's caller gets the error. If the commit itself fails, all of the group get that error.
    """

    def __init__(self, connection: Connection, path: Path, on_step: OnStep, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._noted: Noted | None = None
        self._path = path
        self._on_step = on_step
        self._commit_lock = threading.Lock()
        self._queue: list[_Request[Any]] = []
        self._mutex = threading.Lock()

    def write(self, unit: Unit[T], is_patient: bool = False) -> T:
        """Run ``unit`` in a transaction; returns its result once committed, raises its error once rolled back.

        A patient one is a long one: others that wait are committed before, and do not wait for its end.
        """
        request = _Request(unit, is_patient=is_patient)
        with self._mutex:
            self._queue.append(request)
        with self._commit_lock:
            if is_patient and not request.is_done:
                self._commit_waiting(request, with_patient=False)
            if not request.is_done:
                self._commit_waiting(request, with_patient=is_patient)
        return request.outcome()

    def is_awaited(self) -> bool:
        """Whether a unit waits for the end of the running transaction that is not patient."""
        return any(not request.is_patient for request in self._queue)

    def write_within(self, unit: Unit[T], wait_s: float) -> T:
        """Run ``unit`` in a transaction of its own; CatalogError if others have not made room for it after ``wait_s``."""
        until_s = time.monotonic() + wait_s
        request = _Request(unit)
        if not self._commit_lock.acquire(timeout=wait_s):
            raise CatalogError(f"{self._path} is busy; try again later")
        try:
            (usual_ms,) = execute(self._connection, "PRAGMA busy_timeout").fetchone()
            execute(self._connection, f"PRAGMA busy_timeout = {max(0, int((until_s - time.monotonic()) * 1000))}")
            try:
                self._resolve([request])
            finally:
                execute(self._connection, f"PRAGMA busy_timeout = {usual_ms}")
        finally:
            self._commit_lock.release()
        return request.outcome()

    def between(self, act: Callable[[Connection], object]) -> None:
        """Act on the writing connection between two transactions."""
        with self._commit_lock:
            try:
                act(self._connection)
            except DRIVER_ERRORS as exc:
                raise translated(self._path, exc) from exc

    def close(self) -> None:
        """Wait for a running commit, then close the connection; idempotent."""
        with self._commit_lock:
            self._connection.close()

    def _commit_waiting(self, mine: _Request[Any], *, with_patient: bool) -> None:
        with self._mutex:
            group = [request for request in self._queue if with_patient or not request.is_patient]
            self._queue = [request for request in self._queue if request.is_patient and not with_patient]
        if not group:
            return
        try:
            self._resolve(group)
        except BaseException:  # an interrupt concerns this thread only: the others' units are in the next commit
            with self._mutex:
                self._queue = [each for each in (*group, *self._queue) if not (each.is_done or each is mine)]
            raise

    def _resolve(self, group: list[_Request[Any]]) -> None:
        """Commit or fail each request of the group."""
        try:
            self._commit(group)
        except _UnitFailed as failed:
            if len(group) == 1:
                group[0].fail(self._translated(failed.error, *DRIVER_ERRORS))
                return
            for request in group:
                self._resolve([request])
        except Exception as exc:
            for request in group:
                request.fail(self._translated(exc, OSError, *DRIVER_ERRORS))

    def _commit(self, group: list[_Request[Any]]) -> None:
        self._on_step("begin")
        if self._noted is None:  # with the first commit: most commands only read
            self._noted = Noted(self._connection)
        execute(self._connection, "BEGIN IMMEDIATE")
        try:
            results = [self._run(request) for request in group]
            bind_rest(self._connection, self._clock)
            self._on_step("commit")
            execute(self._connection, "COMMIT")
        except BaseException:
            self._noted.clear()
            self._roll_back()
            raise
        for request, result in zip(group, results, strict=True):
            request.succeed(result)

    def _run(self, request: _Request[T]) -> T:
        try:
            return request.unit(self._connection)
        except Exception as exc:
            raise _UnitFailed(exc) from exc

    def _roll_back(self) -> None:
        if self._connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            execute(self._connection, "ROLLBACK")

    def _translated(self, error: Exception, *foreign: type[Exception]) -> Exception:
        if not isinstance(error, foreign):
            return error
        catalog_error = translated(self._path, error)
        catalog_error.__cause__ = error
        return catalog_error


class _UnitFailed(Exception):
    def __init__(self, error: Exception) -> None:
        self.error = error


class _Request(Generic[T]):
    __slots__ = ("_error", "_result", "is_done", "is_patient", "unit")

    def __init__(self, unit: Unit[T], *, is_patient: bool = False) -> None:
        self.unit = unit
        self.is_patient = is_patient
        self.is_done = False
        self._result: T | None = None
        self._error: Exception | None = None

    def succeed(self, result: T) -> None:
        self._result, self.is_done = result, True

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def outcome(self) -> T:
        if self._error:
            raise self._error
        if not self.is_done:
            raise CatalogError("a transaction was not completed; nothing of it is stored")
        return cast(T, self._result)
