"""Methods of a synchronous object as awaitable ones: each call runs in a worker thread, with the same arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from itertools import islice
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

Inner_co = TypeVar("Inner_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
_AT_ONCE = 50
"""Values of a stream that one call of a worker thread reads."""


class Face(ABC, Generic[Inner_co]):
    """Has the methods of another object as awaitable ones."""

    @abstractmethod
    def _inner(self) -> Inner_co:
        """Return the other object."""


def awaited(
    method: Callable[Concatenate[Inner_co, P], R],
) -> Callable[Concatenate[Face[Inner_co], P], Coroutine[Any, Any, R]]:
    """Return a method as one that is awaited."""

    @wraps(method)
    async def call(self: Face[Inner_co], /, *args: P.args, **kwargs: P.kwargs) -> R:
        own = _own(self, method)
        return await to_thread(lambda: own(*args, **kwargs))

    return call


def streamed(
    method: Callable[Concatenate[Inner_co, P], Iterator[R]],
) -> Callable[Concatenate[Face[Inner_co], P], AsyncIterator[R]]:
    """Return a method that yields values as one that is read by ``async for``."""

    @wraps(method)
    async def call(self: Face[Inner_co], /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        own = _own(self, method)
        stream = await to_thread(lambda: own(*args, **kwargs))
        while some := await to_thread(lambda: list(islice(stream, _AT_ONCE))):
            for each in some:
                yield each

    return call


def passed_on(
    method: Callable[Concatenate[Inner_co, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Face[Inner_co], P], Coroutine[Any, Any, R]]:
    """Return a method that is awaitable already."""

    @wraps(method)
    async def call(self: Face[Inner_co], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await _own(self, method)(*args, **kwargs)

    return call


def _own(
    face: Face[Inner_co],
    method: Callable[Concatenate[Inner_co, P], R],
) -> Callable[P, R]:
    """Return the other object's own method of this name: a client over the network has others."""
    own: Callable[P, R] = getattr(face._inner(), method.__name__)
    return own
