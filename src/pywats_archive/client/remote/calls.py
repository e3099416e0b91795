"""Methods of the client as places of the API: the arguments are sent by name, the answer is the method's own type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from pywats_archive.client.remote.fields import filled, given, query_of
from pywats_archive.client.remote.wire import Query, Wire
from pywats_archive.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")
_RENAMED = {"answers": "values"}
_IN_THE_ADDRESS = ("archive",)
"""Arguments that are in the address of a POST too."""


class Caller(Protocol):
    """Has a connection to a station."""

    _wire: Wire


def asked(method: Callable[Concatenate[Any, P], R], place: str, answer: type[R]) -> Callable[Concatenate[Caller, P], R]:
    """Return a method that asks a place such as ``GET /entries/{archive_id}`` for a value of its type."""

    @wraps(method)
    def call(self: Caller, /, *args: P.args, **kwargs: P.kwargs) -> R:
        verb, path, query, body = _request(method, place, args, kwargs)
        return value_of(self._wire, answer, self._wire.ask(verb, path, query=query, body=body))

    call.place = place  # type: ignore[attr-defined]
    return call


def streamed(
    method: Callable[Concatenate[Any, P], Iterator[R]], place: str, each: type[R]
) -> Callable[Concatenate[Caller, P], Iterator[R]]:
    """Return a method that yields the values of an answer as they arrive."""

    @wraps(method)
    def call(self: Caller, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        verb, path, query, body = _request(method, place, args, kwargs)
        for line in self._wire.lines(verb, path, query=query, body=body):
            yield value_of(self._wire, each, line)

    call.place = place  # type: ignore[attr-defined]
    return call


def refused(method: Callable[Concatenate[Any, P], R], why: str) -> Callable[Concatenate[Caller, P], R]:
    """Return a method that cannot be used over the network, and says why."""

    @wraps(method)
    def call(self: Caller, /, *args: P.args, **kwargs: P.kwargs) -> R:
        raise UsageError(f"{method.__name__}: not over the network, {why}")

    return call


def value_of(wire: Wire, kind: type[R], value: object) -> R:
    """Return the value of an answer as its type."""
    if kind is type(None):
        return None  # type: ignore[return-value, unused-ignore]
    try:
        read: R = _reader(kind).validate_python(value)  # type: ignore[arg-type]
    except ValidationError as exc:
        raise wire.unclear(str(exc)) from exc
    return read


@cache
def _reader(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _request(
    method: Callable[..., Any], place: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, str, Query, dict[str, Any] | None]:
    verb, _, path = place.partition(" ")
    values = given(method, args, kwargs)
    path = filled(path, values)
    if verb == "GET":
        return verb, path, query_of(values), None
    query = query_of({name: values.pop(name) for name in _IN_THE_ADDRESS if name in values})
    return verb, path, query, {_RENAMED.get(name, name): value for name, value in values.items()}
