"""Several units in one commit, each with its own outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from pywats_archive.catalog import entries
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.savepoints import LEAST_AT_ONCE, each_alone
from pywats_archive.errors import CatalogError, CatalogRefused, SourceChanged

from . import made
from .conftest import Steps

Unit = Callable[[Connection], int]


def adding(number: int, error: Exception | None = None) -> Unit:
    """Return a unit that adds an entry, and fails afterwards."""

    def unit(tx: Connection) -> int:
        entries.add(tx, made.entry(number))
        if error:
            raise error
        return number

    return unit


def stored(catalog: Catalog) -> set[str]:
    """Return the ids of the entries."""
    with catalog.read() as db:
        return {row[0] for row in db.exec_driver_sql("SELECT archive_id FROM archive_entries")}


def test_a_unit_that_fails_does_not_undo_the_others(catalog: Catalog, steps: Steps) -> None:
    """The rows of a failed unit are not stored, those before and after it are, in one commit."""
    changed, before = SourceChanged("changed meanwhile"), steps.count("commit")
    units = [adding(1), adding(2, changed), adding(1), adding(3)]
    first, second, twice, last = catalog.write(each_alone(units, catalog.path))
    assert (first, second, last) == (1, changed, 3)
    assert isinstance(twice, CatalogRefused) and isinstance(twice.__cause__, sqlite3.IntegrityError)
    assert stored(catalog) == {made.entry(number).archive_id for number in (1, 3)}
    assert steps.count("commit") == before + 1


def test_others_wait_for_a_few_units_only(catalog: Catalog) -> None:
    """Once others wait, the units end early: eight have a result and are stored, the rest was not run."""
    units = [adding(number) for number in range(20)]
    assert catalog.write(each_alone(units, catalog.path, is_awaited=lambda: True)) == list(range(LEAST_AT_ONCE))
    assert len(stored(catalog)) == LEAST_AT_ONCE
    assert catalog.write(each_alone(units[LEAST_AT_ONCE:], catalog.path)) == list(range(LEAST_AT_ONCE, 20))


def test_an_error_of_the_database_is_of_all_units(catalog: Catalog) -> None:
    """Nothing is stored if the database itself fails within one of the units."""
    with pytest.raises(CatalogError):
        catalog.write(each_alone([adding(1), adding(2, sqlite3.OperationalError("disk is full"))], catalog.path))
    assert stored(catalog) == set()


def test_a_commit_that_fails_is_of_all_units(catalog: Catalog, steps: Steps) -> None:
    """Nothing is stored if the commit fails."""
    steps.plan["commit"] = OSError("gone")
    with pytest.raises(CatalogError):
        catalog.write(each_alone([adding(1), adding(2)], catalog.path))
    steps.plan.clear()
    assert stored(catalog) == set()
