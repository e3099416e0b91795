"""Several units in one commit: one that fails does not undo the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from pywats_archive.catalog.binding.noting import noted
from pywats_archive.catalog.driver import OF_ONE_VALUE, execute, translated
from pywats_archive.errors import ArchiveError, CatalogError, CatalogRefused

T = TypeVar("T")
_ITS_OWN = (*OF_ONE_VALUE, ArchiveError)
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
        try:
            with _savepoint(tx):
                for each in units:
                    if len(found) >= LEAST_AT_ONCE and is_awaited():
                        break
                    found.append(each(tx))
        except _ITS_OWN as exc:
            _require_its_own(exc)
            return [_alone(tx, each, path) for each in units]  # rare; a savepoint takes a tenth of a unit's time
        return found

    return unit


def _alone(tx: Connection, unit: Callable[[Connection], T], path: Path) -> T | Exception:
    try:
        with _savepoint(tx):
            return unit(tx)
    except OF_ONE_VALUE as exc:
        error = translated(path, exc)
        error.__cause__ = exc
        return error
    except ArchiveError as exc:
        _require_its_own(exc)
        return exc


def _require_its_own(error: Exception) -> None:
    """Raise an error of the database itself."""
    if isinstance(error, CatalogError) and not isinstance(error, CatalogRefused):
        raise error


@contextmanager
def _savepoint(tx: Connection) -> Iterator[None]:
    """Undo what is done inside the block if that fails by an error of one value or source."""
    changed = noted(tx)
    before = changed.mark() if changed else ()
    execute(tx, "SAVEPOINT one")
    try:
        yield
    except _ITS_OWN as exc:
        _require_its_own(exc)
        execute(tx, "ROLLBACK TO one")
        execute(tx, "RELEASE one")
        if changed:
            changed.back_to(before)
        raise
    execute(tx, "RELEASE one")
