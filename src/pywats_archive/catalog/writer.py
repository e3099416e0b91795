"""Grouped commits: many threads' units in one transaction, each thread waiting for its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pywats_archive.errors import CatalogError
from pywats_archive.models.step import OnStep

T = TypeVar("T")
Unit = Callable[[Connection], T]


class Writer:
    """The one writer of a process. Whoever finds nobody committing commits for all who wait.

    Units must be repeatable: when one of a group fails, all are rolled back and run again, each alone, so that
    only the faulty one's caller gets the error.
    """

    def __init__(self, connection: Connection, on_step: OnStep) -> None:
        self._connection = connection
        self._on_step = on_step
        self._commit_lock = threading.Lock()
        self._queue: list[_Request[Any]] = []
        self._mutex = threading.Lock()

    def write(self, unit: Unit[T]) -> T:
        """Run ``unit`` in a transaction; its result once it is committed, its error once it is rolled back."""
        request = _Request(unit)
        with self._mutex:
            self._queue.append(request)
        with self._commit_lock:
            if not request.is_done:
                self._commit_waiting()
        return request.outcome()

    def _commit_waiting(self) -> None:
        with self._mutex:
            group, self._queue = self._queue, []
        try:
            self._commit(group)
        except Exception as exc:
            if len(group) == 1:
                group[0].fail(exc)
                return
            for request in group:
                self._commit_alone(request)

    def _commit_alone(self, request: _Request[Any]) -> None:
        try:
            self._commit([request])
        except Exception as exc:
            request.fail(exc)

    def _commit(self, group: list[_Request[Any]]) -> None:
        self._on_step("begin")
        self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            results = [request.unit(self._connection) for request in group]
            self._on_step("commit")
            self._connection.exec_driver_sql("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        for request, result in zip(group, results, strict=True):
            request.succeed(result)

    def _roll_back(self) -> None:
        if self._connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            self._connection.exec_driver_sql("ROLLBACK")


class _Request(Generic[T]):
    __slots__ = ("_error", "_result", "is_done", "unit")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.is_done = False
        self._result: T | None = None
        self._error: Exception | None = None

    def succeed(self, result: T) -> None:
        self._result, self.is_done = result, True

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def outcome(self) -> T:
        if isinstance(self._error, DBAPIError):
            raise CatalogError(
                f"the catalog could not be written ({self._error.orig}); check the disk"
            ) from self._error
        if isinstance(self._error, OSError):
            raise CatalogError(f"the catalog could not be written ({self._error}); check the disk") from self._error
        if self._error:
            raise self._error
        return cast(T, self._result)
