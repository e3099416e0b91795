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


def each_alone(units: Sequence[Callable[[Connection], T]], path: Path) -> Callable[[Connection], list[T | Exception]]:
    """Return a unit that runs ``units`` in order and returns their results, or the error of each that failed.

    An error of one source or one value is that unit's own. Any other error is raised, as it is of the database at ``path``:
    nothing is stored then.
    """
    return lambda tx: [_alone(tx, unit, path) for unit in units]


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
