"""Work on many items at once: a faulty item is left out and reported, and the others continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pywats_archive.errors import ArchiveError, CatalogRefused

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def is_of_one(error: Exception) -> bool:
    """Whether an error concerns only the item, and neither the archive nor its disk."""
    return isinstance(error, CatalogRefused) or not isinstance(error, ArchiveError | OSError)


def each_alone(
    act: Callable[[Sequence[Item]], Outcome], items: Sequence[Item], on_fault: Callable[[Item, Exception], None]
) -> Iterator[Outcome]:
    """Act on many items at once; if one of them is faulty, act on each half until only that item is left out.

    Errors that concern all items, such as an archive that is unavailable, are raised.
    """
    if not items:
        return
    try:
        yield act(items)
    except Exception as exc:
        if not is_of_one(exc):
            raise
        if len(items) == 1:
            on_fault(items[0], exc)
            return
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            yield from each_alone(act, half, on_fault)
