"""What the catalog needs of a database connection: the driver's own, whose statements cost a fifth of a layer's above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Cursor(Protocol):
    """A statement's rows."""

    @property
    def lastrowid(self) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Executor(Protocol):
    """What a question needs: a connection, or the transaction that asks it."""

    @property
    def execute(self) -> Callable[..., Cursor]: ...


class Connection(Executor, Protocol):
    """A connection of the database's driver."""

    @property
    def in_transaction(self) -> bool: ...


class Transaction:
    """A running transaction: executes, and remembers the end of the event chain, which it alone can move."""

    __slots__ = ("execute", "last_event")

    def __init__(self, connection: Connection) -> None:
        self.execute = connection.execute
        self.last_event: tuple[int, str] | None = None
