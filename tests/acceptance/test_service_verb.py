"""The verb ``service``: what it prints, and what it says where there is no systemd."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux'")
IS_BOOTED = Path("/run/systemd/system").is_dir()


def service(*words: str) -> subprocess.CompletedProcess[str]:
    return command("service", *words)


def test_the_unit_is_printed_for_the_configuration(station: Station) -> None:
    """Nothing is installed; the unit starts this very program, and may write to the station's folders alone."""
    station.add("ict", timeout_seconds=900)
    config = station.write_config()
    done = service("install", "--print", "--config", str(config), "--account", getpass.getuser())
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"ExecStart={sys.executable} -m pywats_archive run --config {config}" in lines
    assert f"User={getpass.getuser()}" in lines and "TimeoutStopSec=960" in lines
    writable = next(line for line in lines if line.startswith("ReadWritePaths="))
    assert writable.split("=")[1].split()[0] == f"-{station.root}"


def test_the_unit_serves_the_pages_if_that_is_wanted(station: Station) -> None:
    """Without the option the unit is as before; an address that the service would refuse is refused here."""
    station.add("ict")
    words = ("install", "--print", "--config", str(station.write_config()), "--account", getpass.getuser())
    assert "--web" not in service(*words).stdout
    started = f"ExecStart={sys.executable} -m pywats_archive run --config {station.root / 'config.json'} --web 8087"
    assert started in service(*words, "--web", "8087").stdout.splitlines()
    refused = service(*words, "--web", "eighty")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "invalid address" in refused.stderr


def test_missing_folders_are_named(station: Station, tmp_path: Path) -> None:
    """The service could not create them where it may not write."""
    station.add("ict", done_folder=str(tmp_path / "elsewhere" / "Done"))
    done = service("install", "--print", "--config", str(station.write_config()), "--account", getpass.getuser())
    assert f"missing: {tmp_path}/elsewhere/Done; create it for the account" in done.stderr
    assert "elsewhere/Done" in done.stdout


def test_folders_with_code_that_others_may_write_to_are_named(station: Station) -> None:
    """Whoever can put a converter there runs it as the account of the service."""
    station.add("ict")
    words = ("install", "--print", "--config", str(station.write_config()), "--account", getpass.getuser())
    assert "may write there" not in service(*words).stderr
    station.root.chmod(0o777)
    done = service(*words)
    assert done.returncode == 0
    assert f"warning: {station.root}: everyone may write there, and so decide what runs as" in done.stderr


@pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="the owner of the station is the account then")
def test_root_is_no_account_unless_it_is_named(station: Station) -> None:
    """Code of converters runs as the account of the service."""
    station.add("ict")
    done = service("install", "--print", "--config", str(station.write_config()))
    assert (done.returncode, done.stdout) == (2, "")
    assert "belongs to root; name the account of the service with --account" in done.stderr


def test_an_account_that_is_not_there_is_refused(station: Station) -> None:
    """systemd would only say so at the start."""
    station.add("ict")
    done = service("install", "--print", "--config", str(station.write_config()), "--account", "no-such-account")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no account 'no-such-account'" in done.stderr


@pytest.mark.skipif(IS_BOOTED, reason="systemd runs on this computer")
@pytest.mark.parametrize("words", [["start"], ["stop"], ["status"], ["remove"], ["status", "--json"]])
def test_without_systemd_each_is_one_line(words: list[str]) -> None:
    """It says what to do instead."""
    done = service(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    said = json.loads(done.stdout)["error"]["message"] if "--json" in words else done.stdout
    assert said == (done.stderr.strip().removeprefix("pywats-archive: ") if "--json" in words else "")
    assert "systemd does not run on this computer; start 'pywats-archive run'" in done.stderr


def test_doctor_names_the_service_of_pywats(station: Station) -> None:
    """It would take the same files, so doctor does not end well while it runs."""
    station.add("ict")
    doctor = ("doctor", "--json", "--config", station.write_config())
    other = [sys.executable, "-c", "import sys; sys.stdin.read()", "-m", "pywats_client", "service"]
    with subprocess.Popen(other, stdin=subprocess.PIPE) as process:
        done = command(*doctor)
        process.communicate()
    assert done.returncode == 1
    assert f"process {process.pid}" in json.loads(done.stdout)["other_service"]
    done = command(*doctor)
    assert str(process.pid) not in (json.loads(done.stdout)["other_service"] or "")
