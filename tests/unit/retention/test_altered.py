"""Rows that were edited: a purge removes nothing but the blobs of the entries that it names."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.aged import Aged, blobs

from pywats_archive import portable
from pywats_archive.archive import purging
from pywats_archive.integrity.verify import verify
from pywats_archive.models.integrity import ProblemKind, Thoroughness
from pywats_archive.models.policy import RetentionPolicy
from pywats_archive.retention import enforcing

POLICY = RetentionPolicy(converter_name="c", retention_days=90)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def edit(aged: Aged, statement: str, *values: str) -> None:
    with sqlite3.connect(aged.archive.root / "metadata.db") as raw:
        raw.execute(statement, values)
    raw.close()


def _source(aged: Aged, archive_id: str, path: str) -> None:
    edit(aged, "UPDATE archive_entries SET archived_path = ? WHERE archive_id = ?", path, archive_id)


def _report(aged: Aged, archive_id: str, path: str) -> None:
    edit(aged, "UPDATE reports SET archived_path = ? WHERE archive_id = ?", path, archive_id)


def _companions(aged: Aged, archive_id: str, path: str) -> None:
    companions = [{"name": "x", "archived_path": path, "size_bytes": 1, "checksum": "sha256:0", "found_by": "rule"}]
    edit(aged, "UPDATE archive_entries SET companions = ? WHERE archive_id = ?", json.dumps(companions), archive_id)


Edit = Callable[[Aged, str, str], None]


@pytest.mark.parametrize("alter", [_source, _report, _companions])
@pytest.mark.parametrize("where", ["outside", "absolute", "of another"])
def test_a_purge_removes_nothing_that_an_edited_row_names(aged: Aged, alter: Edit, where: str) -> None:
    """Neither a file outside the archive nor another entry's blob goes; the edited entry stays whole, and is counted (7)."""
    victim, held = aged.add(days_ago=100, companion=True), aged.add(days_ago=99)
    gone = aged.add(days_ago=98)
    purging.hold(aged.archive, held.archive_id, "evidence", actor="qa")
    outside = aged.base / "precious.gz"
    outside.write_bytes(b"precious")
    paths = {"outside": "../precious.gz", "absolute": str(outside), "of another": held.source_archived_path}
    before = set(blobs(aged.archive))
    alter(aged, victim.archive_id, paths[where])
    done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert outside.read_bytes() == b"precious"
    assert (done.archives_purged, done.kept) == (1, {"held": 1, "altered": 1})
    assert before - set(blobs(aged.archive)) == {p for p in before if gone.archive_id in p}
    assert aged.archive.entry(victim.archive_id).purged_at is None
    done = enforcing.purge_named(aged.archive, [victim.archive_id], actor="qa", even_damaged=True)
    assert (done.archives_purged, done.kept["altered"]) == (0, 1) and outside.exists()
    found = [each.problem for each in verify(aged.archive, Thoroughness(quick=True)) if each.problem]
    assert victim.archive_id in {problem.archive_id for problem in found}
    if where != "of another":
        assert ProblemKind.RECORD_ALTERED in {problem.kind for problem in found}


def test_a_purge_that_is_finished_later_looks_too(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is edited between the record and the bytes, as a purge was killed there, leads nowhere either (7)."""
    victim = aged.add(days_ago=100)
    outside = aged.base / "precious.gz"
    outside.write_bytes(b"precious")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(aged.archive.blobs, "remove_durably", _interrupt)
        enforcing.enforce(aged.archive, POLICY, confirmed=True)
    _source(aged, victim.archive_id, "../precious.gz")
    assert purging.finish_unfinished(aged.archive) == purging.Finished(purges=1, not_removed=())
    assert outside.exists() and not purging.is_any_unfinished(aged.archive)


@pytest.mark.skipif(portable.WINDOWS, reason="links need rights there")
def test_a_purge_follows_no_link_in_the_archive(aged: Aged) -> None:
    """What lies behind a day folder that is a link to elsewhere stays, and the other days go (invariant 7)."""
    victim, gone = aged.add(days_ago=100), aged.add(days_ago=98)
    day = (aged.archive.root / victim.source_archived_path).parent
    elsewhere = aged.base / "elsewhere"
    shutil.move(day, elsewhere)
    day.symlink_to(elsewhere)
    done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert (done.archives_purged, done.kept) == (1, {"altered": 1})
    assert len(list(elsewhere.iterdir())) == 1
    assert not any(gone.archive_id in path for path in blobs(aged.archive))


def _interrupt(paths: object) -> None:
    raise KeyboardInterrupt
