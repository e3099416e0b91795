"""The files for people who install the service by hand are what the command would write."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.system_service.control import Order
from pywats_archive.system_service.needs import Needs, needs_of
from pywats_archive.system_service.unit import unit_text
from pywats_archive.system_service.windows_script import script

CONTRIB = Path(__file__).parents[3] / "contrib"
CONFIG = Path("/var/lib/pywats/config.json")
PROGRAM = Path("/opt/pywats-archive")
WINDOWS_PROGRAM = "C:\\Program Files\\pywats-archive\\Scripts"


def test_the_example_script_is_what_the_command_writes() -> None:
    """For pyWATS' default location on Windows, with the program in C:\\Program Files and an account of this computer."""
    command = (f"{WINDOWS_PROGRAM}\\python.exe", "-m", "pywats_archive.cli.service_host", "pywats-archive")
    wanted = Order(
        name="pywats-archive",
        needs=Needs(config=CONFIG, writable=(), readable=(), stop_limit_s=60),
        account=".\\wats",
        command=(*command, "C:\\ProgramData\\pyWATS\\config.json"),
    )
    assert (CONTRIB / "windows" / "install-service.ps1").read_text(encoding="utf-8") == script(wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="units have POSIX paths")
def test_the_example_unit_is_what_the_command_writes(tmp_path: Path) -> None:
    """For the configuration beside it, at pyWATS' default location, with the program in /opt and the account 'wats'."""
    shutil.copy(CONTRIB / "config.json", tmp_path)
    read = read_station_config(tmp_path / "config.json")
    station = read.model_copy(update={"path": CONFIG, "converters_folder": CONFIG.parent / "converters"})
    command = (f"{PROGRAM}/bin/python", "-m", "pywats_archive", "run", "--config", str(CONFIG))
    text = unit_text(needs_of(station, programs=[PROGRAM]), account="wats", command=command)
    assert (CONTRIB / "systemd" / "pywats-archive.service").read_text(encoding="utf-8") == text
