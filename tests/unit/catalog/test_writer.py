from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.catalog import entries, events
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.writer import _Request
from pywats_archive.errors import CatalogError
from pywats_archive.models.event import Event

from . import made
from .conftest import Steps

Unit = Callable[[Connection], object]


def adding(number: int) -> Unit:
    def unit(tx: Connection) -> int:
        entries.add(tx, made.entry(number))
        event = Event(kind="source.archived", at=made.MORNING, archive_id=made.entry(number).archive_id)
        events.append(tx, event)
        return number

    return unit


def stored(catalog: Catalog) -> int:
    with catalog.read() as db:
        return int(db.exec_driver_sql("SELECT count(*) FROM archive_entries").scalar_one())


def write_together(catalog: Catalog, units: list[Unit], *, patient: Collection[int] = ()) -> list[object]:
    """Have all units wait for one commit: the first holds the writer until all are queued, in this order."""
    queued = threading.Event()

    def first(tx: Connection) -> None:
        assert queued.wait(PATIENCE_S)

    def outcome(number: int) -> object:
        try:
            return catalog.write(units[number], is_patient=number in patient)
        except BaseException as exc:
            return exc

    with ThreadPoolExecutor(len(units) + 1) as threads:
        leader = threads.submit(catalog.write, first)
        wait_for(lambda: catalog._writer._commit_lock.locked() and not catalog._writer._queue)
        futures = []
        for number in range(len(units)):
            futures.append(threads.submit(outcome, number))
            wait_for(lambda: len(catalog._writer._queue) == len(futures))
        queued.set()
        leader.result(PATIENCE_S)
        return [future.result(PATIENCE_S) for future in futures]


def wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_S / 0.005)):
        if is_so():
            return
        threading.Event().wait(0.005)
    raise AssertionError("waited in vain")


def test_many_threads_commit_together(catalog: Catalog, steps: Steps) -> None:
    """Eight hundred units of sixteen threads are all stored, with their chain whole (invariant 8)."""
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda n: catalog.write(adding(n)), range(800))) == list(range(800))
    assert stored(catalog) == 800
    assert steps.count("commit") < 800
    with catalog.read() as db:
        assert events.first_break(db) is None


def test_those_who_wait_share_one_commit(catalog: Catalog, steps: Steps) -> None:
    """Units that wait while another commits are committed as one, each with its own result."""
    before = steps.count("commit")
    assert write_together(catalog, [adding(n) for n in range(16)]) == list(range(16))
    assert steps.count("commit") == before + 2
    assert stored(catalog) == 16


def test_a_patient_unit_lets_others_go_before(catalog: Catalog, steps: Steps) -> None:
    """Units that wait are durable before a patient one begins, whoever of them was first; so each of its parts lets them."""
    ended = {}

    def noting(number: int) -> Unit:
        def unit(tx: Connection) -> int:
            ended[number] = steps.count("commit")
            return number

        return unit

    results = write_together(catalog, [noting(0), noting(1), noting(2)], patient=[0])
    assert results == [0, 1, 2] and ended[0] > max(ended[1], ended[2])


def test_an_interrupted_patient_unit_is_not_left_behind(catalog: Catalog) -> None:
    """A thread that is interrupted while it commits for others leaves theirs to the next commit, and takes its own along."""
    ran = []

    def interrupting(tx: Connection) -> None:
        ran.append("others")
        if len(ran) == 1:
            raise Interrupted

    def queue_others(tx: Connection) -> None:
        for _ in range(2):
            catalog._writer._queue.append(_Request(interrupting))

    catalog.write(queue_others)
    with pytest.raises(Interrupted):
        catalog._writer.write(lambda tx: ran.append("mine"), is_patient=True)
    catalog._writer.write(adding(1), is_patient=True)
    assert "mine" not in ran and ran.count("others") == 3 and stored(catalog) == 1


def test_a_faulty_unit_harms_its_caller_alone(catalog: Catalog) -> None:
    """Of units that commit together, the one that raises is undone and told; the others are stored."""

    def faulty(tx: Connection) -> None:
        entries.add(tx, made.entry(99))
        raise KeyError("mine")

    results = write_together(catalog, [adding(1), faulty, adding(2), adding(1)])
    assert results[0] == 1
    assert isinstance(results[1], KeyError)
    assert results[2] == 2
    assert isinstance(results[3], CatalogError)
    assert "UNIQUE" in str(results[3])
    assert stored(catalog) == 2


def test_a_failed_commit_is_told_to_all(catalog: Catalog, steps: Steps) -> None:
    """When the commit fails, all of the group get a CatalogError, nothing is stored, and the next one works."""

    def planning(tx: Connection) -> None:
        steps.plan["commit"] = OSError(28, "No space left on device")

    results = write_together(catalog, [planning, adding(1), adding(2)])
    assert all(isinstance(result, CatalogError) for result in results)
    assert len({id(result) for result in results}) == 3
    assert "No space left on device" in str(results[1])
    assert str(catalog.path) in str(results[1])
    assert isinstance(results[1], CatalogError) and isinstance(results[1].__cause__, OSError)
    assert stored(catalog) == 0
    steps.plan.clear()
    assert catalog.write(adding(3)) == 3


@pytest.mark.parametrize("step", ["begin", "commit"])
def test_a_failed_step_stores_nothing(catalog: Catalog, steps: Steps, step: str) -> None:
    """Whichever step of a commit fails, its caller knows and nothing of it is stored (invariant 5)."""
    steps.plan[step] = OSError(5, "Input/output error")
    with pytest.raises(CatalogError, match="Input/output error"):
        catalog.write(adding(1))
    steps.plan.clear()
    assert stored(catalog) == 0
    catalog.write(adding(1))
    assert stored(catalog) == 1


def test_an_oserror_of_a_unit_stays_its_own(catalog: Catalog) -> None:
    """What a unit raises reaches its caller as it is: it is not the database's failure."""

    def unit(tx: Connection) -> None:
        raise FileNotFoundError("source.csv")

    with pytest.raises(FileNotFoundError):
        catalog.write(unit)


class Interrupted(BaseException):
    """What stops a thread from outside, as KeyboardInterrupt does."""


def test_an_interrupt_takes_no_others_unit_along(catalog: Catalog) -> None:
    """When the thread that commits for others is interrupted, their units are committed by the next (invariant 5)."""
    raised: list[int] = []

    def interrupted(tx: Connection) -> None:
        raised.append(1)
        raise Interrupted

    results = write_together(catalog, [adding(1), interrupted, adding(2), adding(3)])
    ends = sorted(str(type(result).__name__) for result in results)
    assert ends == ["Interrupted", "int", "int", "int"] or len(raised) > 1
    assert stored(catalog) == sum(isinstance(result, int) for result in results)
    assert not any(result is None for result in results)


def test_a_full_database_is_a_catalog_error(catalog: Catalog) -> None:
    """A disk that has no room for a unit's rows is told as such, and what was stored stays."""
    catalog.write(adding(1))

    def unit(tx: Connection) -> None:
        (pages,) = tx.exec_driver_sql("PRAGMA page_count").one()
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(2, 2_000):
            entries.add(tx, made.entry(number))

    with pytest.raises(CatalogError, match="full"):
        catalog.write(unit)
    assert stored(catalog) == 1


def test_another_process_may_write_too(catalog: Catalog, tmp_path: Path) -> None:
    """Two writers at one database take turns, and the chain stays one (invariant 8)."""
    other = Catalog.open(catalog.path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: (catalog, other)[n % 2].write(adding(n)), range(200)))
    other.close()
    with catalog.read() as db:
        assert events.first_break(db) is None
        assert len(list(events.iterate(db))) == 200


def test_what_is_written_is_read_at_once(catalog: Catalog) -> None:
    """Once write returns, any thread and any other program reads it."""
    with catalog.read() as db:
        catalog.write(adding(1))
        assert entries.has(db, made.entry(1).archive_id)
    raw = sqlite3.connect(catalog.path)
    assert raw.execute("SELECT count(*) FROM archive_entries").fetchone() == (1,)
    raw.close()
