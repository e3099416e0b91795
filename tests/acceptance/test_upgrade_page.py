"""The guide to upgrades does what it says: the way back to an earlier version, literally."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.archive import holds
from pywats_archive.archive.copies.making import Target, Wanted, copy_catalog
from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import copying
from pywats_archive.errors import ArchiveError

PAGE = Path(__file__).parents[2] / "docs" / "upgrade.md"


def _commands(root: Path) -> str:
    """Return the commands that rebuild the catalog, with their folders beneath ``root``."""
    section = PAGE.read_text(encoding="utf-8").split("3. If it refuses")[1].split("\n4. ")[0]
    lines = [line.strip() for line in section.splitlines() if re.match(r" {8}\S", line)]
    assert lines.pop(0).startswith("sudo -u ")
    script = "\n".join(lines).replace("/opt/pywats-archive/bin/pywats-archive", f"{sys.executable} -m pywats_archive")
    return script.replace("/srv/", f"{root}/srv/")


def _copied(archive: Archive, *, ago: timedelta) -> Path:
    wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=archive.now() - ago)
    (done,) = copy_catalog(archive.catalog, [Target(place=in_archive(archive.root))], wanted)
    assert done.failure is None
    return done.path


def _upgraded(root: Path) -> Path:
    """Give a catalog the tables of a newer version, as far as an earlier one can see; return a copy of that version."""
    with Archive.open(root) as archive:
        with closing(sqlite3.connect(root / "metadata.db")) as db, db:
            db.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.MonkeyPatch.context() as newer:
            newer.setattr(copying, "HEAD", "9999")
            copy = _copied(archive, ago=timedelta(0))
    with pytest.raises(ArchiveError, match="9999, newer than"):
        Archive.open(root)
    return copy


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of POSIX")
def test_the_way_back_to_an_earlier_version(tmp_path: Path) -> None:
    """The hold of the copy is back, a younger entry comes from its files, nothing is purged, and the service starts."""
    with Station(tmp_path / "srv" / "station") as station:
        watch = station.add("ict")
        (watch / "OLD.log").write_text("before the upgrade")
        station.run()
        with station.archive() as archive:
            holds.hold(archive, station.entry().archive_id, "evidence", actor="somebody")
            used = _copied(archive, ago=timedelta(days=1))
        (watch / "YOUNG.log").write_text("after the upgrade")
        station.run()
        unusable = _upgraded(station.archive_root)
        done = subprocess.run(["sh", "-c", _commands(tmp_path)], capture_output=True, text=True, check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 1, said
        assert unusable.name in said and "begins with the copy" in said and used.name in said, said
        assert "nothing is purged" in said, said
        with station.archive() as archive:
            assert [each.hold_reason for each in holds.holds(archive)] == ["evidence"]
            assert not archive.policies.effective("ict").enabled
        station.run()
        assert {Path(each.source_original_path).name for each in station.entries()} == {"OLD.log", "YOUNG.log"}
        assert len(station.server.received) == 2
        assert command("verify", "--archive", station.archive_root).returncode == 0
