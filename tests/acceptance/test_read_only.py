"""An archive on read-only media: everything that only reads works, and nothing else is tried."""

from __future__ import annotations

import hashlib
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


_LATER_INDEXES = ("converter", "result", "serial", "size", "duration", "warned", "purged", "failed")


def chain_without_rows(raw: sqlite3.Connection) -> None:
    """Chain the events as versions did that bound no rows to them."""
    ((stay,),) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'events_stay'").fetchall()
    raw.execute("DROP TRIGGER events_stay")
    raw.execute("ALTER TABLE events DROP COLUMN bound_rows")
    previous, columns = "0" * 64, "sequence, kind, at, archive_id, actor, details"
    for *head, details in raw.execute(f"SELECT {columns} FROM events ORDER BY sequence").fetchall():
        text = json.dumps(head, separators=(",", ":"))
        chained = hashlib.sha256(f"{previous}\n{text[:-1]},{details}]".encode()).hexdigest()
        raw.execute("UPDATE events SET previous_hash = ?, hash = ? WHERE sequence = ?", (previous, chained, head[0]))
        previous = chained
    raw.execute(stay)


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
                wait_for(lambda: [each.state.value for each in station.arrivals()] == ["done"] * 3)
                shutil.copytree(station.archive_root, copy)
            assert (copy / "metadata.db-wal").stat().st_size > 0
            (copy / "metadata.db-shm").unlink()
        else:
            station.run()
            shutil.copytree(station.archive_root, copy)
        if request.param == "older":
            with sqlite3.connect(copy / "metadata.db") as raw:
                for name in ("arrival_comes_ended", "arrival_goes", "arrival_resumes", "arrival_ends"):
                    raw.execute(f"DROP TRIGGER {name}")
                later = ("vault_absent", "vault_damage", "vault_gate", "vault_large", "vault_segments")
                for name in (*later, "arrival_figures", "stored_files", "configured"):
                    raw.execute(f"DROP TABLE {name}")
                for name in (*_LATER_INDEXES, "arrival_open", "arrival_moved", "held", "event_rare"):
                    raw.execute(f"DROP INDEX idx_{name}")
                raw.execute(
                    "CREATE INDEX idx_converter ON archive_entries (converter_name, conversion_timestamp, archive_id)"
                )
                raw.execute("ALTER TABLE clock DROP COLUMN vouched_upto")
                for name in ("result", "rebuilt_at", "failure_reason"):
                    raw.execute(f"ALTER TABLE archive_entries DROP COLUMN {name}")
                chain_without_rows(raw)
                (copy / "anchors.log").unlink()
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
