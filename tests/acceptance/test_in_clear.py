"""Sources in clear: none stays in the temporary folder, though a replay was killed while it had them there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station, wait_for

SLOW = """
class Slow(Any):
    def outcome(self, source, context):
        if "pywats-archive-" in str(source.path):
            time.sleep(60)
        return ConverterResult.success_result(report=report(source.path.stem))
"""


@pytest.mark.parametrize("verb", ["reprocess", "verify"])
def test_a_killed_replay_leaves_no_source_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """The next start of a service removes what a killed replay left, and leaves alone what a living one has."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(temporary))
    with Station(tmp_path / "station") as station:
        station.code(SLOW)
        (station.add("ict", "own.Slow") / "SN1.log").write_text("secret")
        config = str(station.write_config())
        assert command("run", "--until-idle", "--processes", "1", "--config", config).returncode == 0
        assert in_clear(temporary) == []
        words = {"reprocess": ["start", station.entry().archive_id, "--yes"], "verify": ["--reproduce", "1"]}[verb]
        replay = subprocess.Popen([sys.executable, "-m", "pywats_archive", verb, *words, "--config", config])
        try:
            wait_for(lambda: len(in_clear(temporary)) == 1)
            assert command("run", "--until-idle", "--processes", "1", "--config", config).returncode == 0
            assert len(in_clear(temporary)) == 1
        finally:
            replay.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            replay.wait()
        assert command("run", "--until-idle", "--processes", "1", "--config", config).returncode == 0
        assert in_clear(temporary) == [] and list(temporary.glob("pywats-archive-*")) == []


def in_clear(temporary: Path) -> list[Path]:
    return list(temporary.rglob("SN1.log"))
