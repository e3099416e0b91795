"""An archive on read-only media: everything that only reads works, and nothing else is tried."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.readonly import read_only
from tests.station import Station, wait_for

from pywats_archive.archive.core import Archive


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the commands that are run."""
    made = tmp_path / "tmp"
    made.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(made))
    return made


@pytest.fixture(params=["closed", "live", "older"])
def snapshot(request: pytest.FixtureRequest, tmp_path: Path, temporary: Path) -> Iterator[Path]:
    """A copy of an archive: after its service ended, while it ran (its catalog has a log), or of an older version."""
    copy = tmp_path / "snapshot"
    with Station(tmp_path / "station") as station:
        watch = station.add("ict")
        for number in range(3):
            (watch / f"R{number}.log").write_text(f"content {number}")
        if request.param == "live":
            with station.serving():
                wait_for(lambda: len(station.names("ict/Done")) == 3)
                shutil.copytree(station.archive_root, copy)
            assert (copy / "metadata.db-wal").stat().st_size > 0
            (copy / "metadata.db-shm").unlink()
        else:
            station.run()
            shutil.copytree(station.archive_root, copy)
        if request.param == "older":
            with sqlite3.connect(copy / "metadata.db") as raw:
                raw.execute("DROP TABLE stored_files")
                raw.execute("DROP TABLE configured")
                for name in ("converter", "result", "serial", "size", "duration", "warned", "purged", "failed"):
                    raw.execute(f"DROP INDEX idx_{name}")
                raw.execute(
                    "CREATE INDEX idx_converter ON archive_entries (converter_name, conversion_timestamp, archive_id)"
                )
                raw.execute("ALTER TABLE clock DROP COLUMN vouched_upto")
                for name in ("result", "rebuilt_at", "failure_reason"):
                    raw.execute(f"ALTER TABLE archive_entries DROP COLUMN {name}")
                raw.execute("UPDATE alembic_version SET version_num = '0005'")
            raw.close()
    with read_only(copy) as mounted:
        yield mounted


def test_what_only_reads_works_and_the_rest_says_why_not(snapshot: Path, tmp_path: Path, temporary: Path) -> None:
    """It is listed, searched, shown, verified and restored from, also what only the log has; nothing is left in clear."""
    listed = json.loads(command("list", "--archive", snapshot, "--json").stdout)
    assert sorted(each["serial_number"] for each in listed["entries"]) == ["R0", "R1", "R2"]
    first = next(each["archive_id"] for each in listed["entries"] if each["serial_number"] == "R1")
    for words in (
        ["status"],
        ["stats"],
        ["search", "R1"],
        ["show", first],
        ["verify"],
        ["hold", "list"],
        ["policy", "list"],
    ):
        done = command(*words, "--archive", snapshot)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    restored = command("restore", first, "--to", tmp_path / "out", "--archive", snapshot)
    assert restored.returncode == 0 and (tmp_path / "out" / "R1.log").read_text() == "content 1"
    assert "read-only" in restored.stdout
    for words in (["hold", "add", first, "--reason", "x"], ["purge", first, "--yes"], ["rebuild", "--yes"]):
        refused = command(*words, "--archive", snapshot)
        assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1, (words, refused.stderr)
        assert "read-only" in refused.stderr.lower()
    assert list(temporary.iterdir()) == []


def test_the_owner_is_told_by_the_rights_that_it_lacks(snapshot: Path) -> None:
    """A service does not work on what it can only read: one error names the archive (invariant 11)."""
    with pytest.raises(Exception, match="Read-only"):
        Archive.open(snapshot, own=True)
