"""Several units in one commit, each in a savepoint of its own: one that fails does not undo the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from pywats_archive.catalog.binding.noting import noted
from pywats_archive.catalog.driver import OF_ONE_VALUE, execute, translated
from pywats_archive.errors import ArchiveError, CatalogError, CatalogRefused

T = TypeVar("T")
LEAST_AT_ONCE = 8
"""So many units are in each commit, however many others wait: each commit has its own flush of the disk."""


def each_alone(
    units: Sequence[Callable[[Connection], T]], path: Path, *, is_awaited: Callable[[], bool] = lambda: False
) -> Callable[[Connection], list[T | Exception]]:
    """Return a unit that runs ``units`` in order and returns their results, or the error of each that failed.

    An error of one source or one value is that unit's own. Any other error is raised, as it is of the database at ``path``:
    nothing is stored then. Once others wait (``is_awaited``) it ends early: the units without a result were not run.
    """

    def unit(tx: Connection) -> list[T | Exception]:
        found: list[T | Exception] = []
        for each in units:
            if len(found) >= LEAST_AT_ONCE and is_awaited():
                break
            found.append(_alone(tx, each, path))
        return found

    return unit


def _alone(tx: Connection, unit: Callable[[Connection], T], path: Path) -> T | Exception:
    changed = noted(tx)
    before = changed.mark() if changed else ()
    execute(tx, "SAVEPOINT one")
    try:
        result = unit(tx)
    except OF_ONE_VALUE as exc:
        error: Exception = translated(path, exc)
        error.__cause__ = exc
    except ArchiveError as exc:
        if isinstance(exc, CatalogError) and not isinstance(exc, CatalogRefused):
            raise
        error = exc
    else:
        execute(tx, "RELEASE one")
        return result
    execute(tx, "ROLLBACK TO one")
    execute(tx, "RELEASE one")
    if changed:
        changed.back_to(before)
    return error
