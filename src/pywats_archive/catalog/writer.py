"""Grouped commits: many threads' units in one transaction, each thread waiting for its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from pywats_archive.catalog.driver import Connection, Transaction
from pywats_archive.errors import CatalogError
from pywats_archive.models.step import OnStep

T = TypeVar("T")
Unit = Callable[[Transaction], T]


class Writer:
    """The one writer of a process. Whoever finds nobody committing commits for all who wait, then passes that on.

    Units must be repeatable: when one of a group fails, all are rolled back and run again, each alone, so that
    only the faulty one's caller gets the error.
    """

    def __init__(self, connection: Connection, on_step: OnStep) -> None:
        self._connection = connection
        self._on_step = on_step
        self._mutex = threading.Lock()
        self._waiting: list[_Request[Any]] = []
        self._is_led = False

    def write(self, unit: Unit[T]) -> T:
        """Run ``unit`` in a transaction; its result once it is committed, its error once it is rolled back."""
        request = _Request(unit)
        with self._mutex:
            self._waiting.append(request)
            leads, self._is_led = not self._is_led, True
        if not leads:
            request.wait()
        if not request.is_done:
            self._lead()
        return request.outcome()

    def _lead(self) -> None:
        """Commit for all who wait now, then let the first of those who came meanwhile lead."""
        with self._mutex:
            group, self._waiting = self._waiting, []
        try:
            self._commit_group(group)
        finally:
            with self._mutex:
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
            if following:
                following.wake()
            for request in group:
                request.abandon()
                request.wake()

    def _commit_group(self, group: list[_Request[Any]]) -> None:
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
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(self._connection)
            results = [request.unit(transaction) for request in group]
            self._on_step("commit")
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        for request, result in zip(group, results, strict=True):
            request.succeed(result)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class _Request(Generic[T]):
    __slots__ = ("_called", "_error", "_result", "is_done", "unit")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.is_done = False
        self._result: T | None = None
        self._error: Exception | None = None
        self._called = threading.Lock()
        self._called.acquire()

    def wait(self) -> None:
        """Wait until the unit is done, or its thread is to lead."""
        self._called.acquire()

    def wake(self) -> None:
        if self._called.locked():
            self._called.release()

    def succeed(self, result: T) -> None:
        self._result, self.is_done = result, True

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def abandon(self) -> None:
        """Say so when the leader was torn away before the unit was done."""
        if not self.is_done:
            self.fail(CatalogError("the catalog's writer was interrupted; what it was to write is not written"))

    def outcome(self) -> T:
        if isinstance(self._error, sqlite3.Error):
            raise CatalogError(f"the catalog could not be written ({self._error}); check the disk") from self._error
        if isinstance(self._error, OSError):
            raise CatalogError(f"the catalog could not be written ({self._error}); check the disk") from self._error
        if self._error:
            raise self._error
        return cast(T, self._result)
