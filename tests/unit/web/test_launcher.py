"""The processes that carry out runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.station import wait_for

from pywats_archive.web.launcher import Launcher


@pytest.mark.long
def test_no_module_of_the_current_folder_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages may be started in a folder in which others may write."""
    shared, station = tmp_path / "shared", tmp_path / "station"
    shared.mkdir()
    station.mkdir()
    (shared / "pywats_archive.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    monkeypatch.chdir(shared)
    launcher = Launcher()
    launcher.start("resume", 1, archive=station / "archive", config=station / "config.json", actor="ann")
    wait_for(lambda: launcher.trouble(1, station / "archive"))
    assert not (tmp_path / "ran").exists()
    assert "there is no such file" in launcher.trouble(1, station / "archive")
