"""The guide to backups does what it says: its commands, literally, in a fresh folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "backup.md"
_COMMANDS = ("mkdir", "cp", "cd", "find", "rm", "pywats-archive")


def commands(heading: str) -> list[str]:
    """Return the commands of a section, in order."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if re.match(r" {4}", line)]
    return [line for line in lines if line.split()[0] in _COMMANDS]


def obey(heading: str, root: Path) -> str:
    """Run each command of a section in a shell, with its folders beneath ``root``; returns their output."""
    shown = ""
    for line in commands(heading):
        local = re.sub(r"/(srv|mnt)\b", lambda found: f"{root}/{found[1]}", line)
        local = re.sub(r"^pywats-archive", f"{sys.executable} -m pywats_archive", local)
        done = subprocess.run(["sh", "-ec", local], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        shown += done.stdout
    return shown


def listed(config: Path) -> Any:
    return json.loads(command("list", "--config", config, "--limit", "50", "--json").stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of POSIX")
def test_the_backup_brings_the_archive_back_on_another_machine(tmp_path: Path) -> None:
    """Copied while a copy of the catalog is older than the files; tried, then restored alone: every entry is back."""
    (tmp_path / "mnt").mkdir()
    with Station(tmp_path / "srv" / "station") as station:
        watch = station.add("ict")
        for number in range(6):
            (watch / f"SN{number}.log").write_text("x" * (number + 1))
        station.run()
        station.run()  # copies the catalog
        (watch / "YOUNG.log").write_text("younger than the copy")
        station.run()
        before = listed(station.root / "config.json")
        assert before["total"] == 7
        obey("What to copy, in which order", tmp_path)
        shown = obey("Try it", tmp_path)
        assert "Since that copy: 1 entry from blobs alone" in shown and not (tmp_path / "srv" / "trial").exists()
        station.root.rename(tmp_path / "srv" / "lost")
        obey("Bring the archive back on another machine", tmp_path)
        after = listed(station.root / "config.json")
        assert [each["archive_id"] for each in after["entries"]] == [each["archive_id"] for each in before["entries"]]
        old = [each for each in before["entries"] if each["serial_number"] != "YOUNG"]
        assert [each for each in after["entries"] if each["serial_number"] != "YOUNG"] == old
        for path in (station.root / "archive").glob("metadata.db*"):
            path.unlink()
        obey("If only metadata.db is lost", tmp_path)
        assert listed(station.root / "config.json")["total"] == 7
