"""A file that cannot be removed keeps no other from being purged, and is tried again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.aged import Aged, blobs

from pywats_archive.archive import decision_log, purging
from pywats_archive.archive.folder import layout
from pywats_archive.archive.repair.recover import recover
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.portable import names
from pywats_archive.retention import enforcing

POLICY = RetentionPolicy(converter_name="c", retention_days=30)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def block(aged: Aged, path: str) -> Path:
    """Have something in a blob's place that no account can unlink; gives it."""
    blob = aged.archive.root / path
    names.unlink(blob)  # blobs are read-only
    blob.mkdir()
    return blob


def test_all_else_is_purged_and_what_stays_is_named_and_tried_again(aged: Aged) -> None:
    """One file that the system does not let go keeps no other from going; it goes as soon as it can (invariant 7)."""
    entries = [aged.add(days_ago=100 - number, companion=True) for number in range(3)]
    stuck = block(aged, entries[1].source_archived_path)
    done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
    assert (done.archives_purged, done.not_removed) == (3, 1) and str(stuck) in (done.first_not_removed or "")
    assert blobs(aged.archive) == [] and all(aged.archive.entry(each.archive_id).purged_at for each in entries)
    assert purging.is_any_unfinished(aged.archive)
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).not_removed == 1
    stuck.rmdir()
    stuck.write_bytes(b"its bytes")
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).not_removed == 0
    assert not stuck.exists() and not purging.is_any_unfinished(aged.archive)
    assert not (aged.archive.root / layout.PURGED).exists()


def test_a_purge_goes_on_beside_what_an_earlier_one_left(aged: Aged) -> None:
    """What could not be removed once is no reason to purge nothing more, and its record does not grow with each try."""
    stuck = block(aged, aged.add(days_ago=100).source_archived_path)
    later = aged.add(days_ago=20)
    enforcing.enforce(aged.archive, POLICY, confirmed=True)
    noted = (aged.archive.root / layout.PURGED).read_bytes()
    for _ in range(3):
        assert purging.finish_unfinished(aged.archive).not_removed
    assert (aged.archive.root / layout.PURGED).read_bytes() == noted
    done = enforcing.purge_named(aged.archive, [later.archive_id], actor="qa")
    assert (done.archives_purged, done.not_removed) == (1, 1) and blobs(aged.archive) == []
    assert later.archive_id in decision_log.purged_ids(aged.archive.root)
    aged.archive.close()
    assert not recover(aged.open()).found_anything and stuck.exists()
    stuck.rmdir()
    assert recover(aged.archive).purges == 1
    assert enforcing.finish_unfinished(aged.archive) is None


def test_many_files_are_removed_beside_one_that_cannot_be(aged: Aged) -> None:
    """Where several threads remove files, one that cannot be removed ends none of them."""
    paths = [f"sources/2026/01/01/{number}.gz" for number in range(100)]
    (aged.archive.root / paths[0]).parent.mkdir(parents=True)
    for path in paths:
        (aged.archive.root / path).write_bytes(b"")
    block(aged, paths[50])
    assert list(aged.archive.blobs.files.remove_all(paths)) == [paths[50]]
    shutil.rmtree(aged.archive.root / paths[50])
    assert not list((aged.archive.root / paths[0]).parent.iterdir())


@pytest.mark.long
def test_the_command_says_so_and_exits_with_1_until_it_is_gone(aged: Aged) -> None:
    """A purge by hand names what stays and exits with 1, also when nothing else is to go; then with 0."""
    entry = aged.add(days_ago=10)
    stuck = block(aged, entry.source_archived_path)
    aged.archive.close()
    verb = ["purge", entry.archive_id, "--archive", str(aged.base / "archive"), "--yes"]
    command = [sys.executable, "-m", "pywats_archive", *verb]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1 and f"{stuck}: " in done.stderr and "tries it again" in done.stderr
    stuck.rmdir()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
