"""Services of Linux: what is written, and what systemctl is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pywats_archive.errors import SystemServiceFailed, UsageError
from pywats_archive.system_service.control import Order
from pywats_archive.system_service.needs import Needs
from pywats_archive.system_service.station import next_step
from pywats_archive.system_service.systemd import Systemd

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux'")
SYSTEMCTL = shutil.which("systemctl")


class Machine:
    """A computer with folders for units and a systemctl that writes down what it is asked for; nothing else of systemd."""

    def __init__(self, root: Path) -> None:
        self.asked = root / "asked"
        self.answer = root / "answer"
        self.program = root / "systemctl"
        self.program.write_text(
            f'#!/bin/sh\necho "$*" >> "{self.asked}"\n[ -f "{self.answer}" ] && . "{self.answer}"\nexit 0\n'
        )
        self.program.chmod(0o755)
        (root / "system").mkdir()
        (root / "booted").mkdir()
        self.systemd = Systemd(folder=root / "system", booted=root / "booted", programs=(self.program,))
        self.unit = root / "system" / "pywats-archive.service"

    def verbs(self) -> list[str]:
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return [line.removeprefix("--no-ask-password --no-pager ") for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def order(folder: str = "/srv/station") -> Order:
    needs = Needs(config=Path(folder, "config.json"), writable=(Path(folder),), readable=(), stop_limit_s=360)
    return Order(name="pywats-archive", needs=needs, account="daemon", command=("/usr/bin/env", "run"))


def test_a_service_is_installed_started_stopped_and_removed(machine: Machine) -> None:
    """The unit is written before systemd reads it, and removed after it has stopped."""
    systemd = machine.systemd
    assert systemd.install(order()) == str(machine.unit)
    assert machine.unit.read_text() == systemd.text(order())
    assert machine.unit.stat().st_mode & 0o777 == 0o644
    systemd.start("pywats-archive")
    systemd.stop("pywats-archive")
    systemd.remove("pywats-archive")
    name = "pywats-archive.service"
    assert machine.verbs() == [
        "daemon-reload",
        f"enable {name}",
        f"start {name}",
        f"stop {name}",
        f"disable --now {name}",
        "daemon-reload",
    ]
    assert list(machine.unit.parent.iterdir()) == []


def test_an_installed_service_is_replaced(machine: Machine) -> None:
    """After a change of folders the same command renews the unit."""
    machine.systemd.install(order())
    machine.systemd.install(order("/srv/elsewhere"))
    assert "/srv/elsewhere" in machine.unit.read_text() and "/srv/station" not in machine.unit.read_text()


@pytest.mark.skipif(not SYSTEMCTL, reason="systemctl is not installed")
def test_the_real_systemctl_enables_the_unit(machine: Machine, tmp_path: Path) -> None:
    """The unit has what 'enable' needs: it starts with the machine."""
    units = tmp_path / "root" / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "pywats-archive.service").write_text(machine.systemd.text(order()))
    assert SYSTEMCTL
    root = f"--root={tmp_path / 'root'}"
    subprocess.run([SYSTEMCTL, root, "enable", "pywats-archive.service"], capture_output=True, check=True)
    assert (units / "multi-user.target.wants" / "pywats-archive.service").is_symlink()


def test_the_state_is_what_systemd_shows(machine: Machine) -> None:
    """A running service with its process; one that failed; one that is not there."""
    shown = "LoadState={}\\nActiveState={}\\nSubState={}\\nUnitFileState={}\\nMainPID={}\\n"
    machine.answer.write_text(f"printf '{shown.format('loaded', 'active', 'running', 'enabled', 77)}'")
    found = machine.systemd.status("pywats-archive")
    assert (found.is_installed, found.is_running, found.starts_with_machine, found.process) == (True, True, True, 77)
    assert found.state == "active (running)"
    machine.answer.write_text(f"printf '{shown.format('loaded', 'failed', 'failed', 'disabled', 0)}'")
    found = machine.systemd.status("pywats-archive")
    assert (found.is_running, found.starts_with_machine, found.process) == (False, False, None)
    machine.answer.write_text(f"printf '{shown.format('not-found', 'inactive', 'dead', '', 0)}'")
    found = machine.systemd.status("pywats-archive")
    assert (found.is_installed, found.state) == (False, "not installed")


@pytest.mark.parametrize(("account", "advice"), [(0, "$"), (1000, "; use sudo$")])
def test_what_systemctl_complains_of_is_one_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, account: int, advice: str
) -> None:
    """Its own words are passed on; whoever is not root reads what to do."""
    machine.systemd.install(order())
    machine.answer.write_text("echo 'Access denied' >&2; exit 4")
    monkeypatch.setattr(os, "geteuid", lambda: account)
    error = UsageError if account else SystemServiceFailed
    with pytest.raises(error, match=rf"start pywats-archive\.service: Access denied{advice}"):
        machine.systemd.start("pywats-archive")


def test_a_service_that_runs_is_restarted_after_an_installation(machine: Machine) -> None:
    """'start' would do nothing, and the earlier unit would stay in force."""
    shown = "LoadState=loaded\\nActiveState={}\\nSubState=x\\n"
    machine.answer.write_text(f"printf '{shown.format('active')}'")
    step = next_step(machine.systemd.status("pywats-archive"), instance="b")
    assert "until 'pywats-archive service stop --instance b' and 'pywats-archive service start --instance b'" in step
    machine.answer.write_text(f"printf '{shown.format('inactive')}'")
    step = next_step(machine.systemd.status("pywats-archive"), instance=None)
    assert step == "start it with 'pywats-archive service start'"


def test_without_systemd_the_error_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is written."""
    systemd = Systemd(folder=tmp_path, booted=tmp_path / "not-booted")
    for act in (lambda: systemd.install(order()), lambda: systemd.start("pywats-archive")):
        with pytest.raises(UsageError, match="install --print"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_not_installed_is_named(machine: Machine) -> None:
    """Start, stop and remove of another name than the installed one are one clear error."""
    for act in (machine.systemd.start, machine.systemd.stop, machine.systemd.remove):
        with pytest.raises(UsageError, match="no such unit"):
            act("pywats-archive-other")
    assert machine.verbs() == []


def test_a_unit_folder_that_cannot_be_written_is_one_error(machine: Machine) -> None:
    """As on a system whose /etc is read-only."""
    machine.unit.parent.rmdir()
    with pytest.raises(UsageError, match="use sudo"):
        machine.systemd.install(order())
    assert machine.verbs() == []
