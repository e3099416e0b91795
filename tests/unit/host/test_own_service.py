"""pyWATS' own service beside this one is found and named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pywats_archive.host.own_service import is_own_service, own_service


@pytest.mark.parametrize(
    "words",
    [
        ["/usr/bin/python3", "-m", "pywats_client", "service"],
        ["python.exe", "-m", "pywats_client", "service", "--instance-id", "b"],
        ["/opt/venv/bin/python", "/opt/venv/bin/pywats-client", "service"],
        ["C:\\venv\\Scripts\\pywats-client.exe", "service"],
        ["C:\\Program Files\\pyWATS\\pywats-service.exe"],
    ],
)
def test_its_command_lines_are_known(words: list[str]) -> None:
    """As pyWATS' installers and its packages start it."""
    assert is_own_service(words)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["python", "-m", "pywats_archive", "service", "status"],
        ["python", "-m", "pywats_client", "status"],
        ["pywats-client", "config", "service"],
        ["vim", "pywats-service.txt"],
        ["grep", "-m", "pywats_client"],
    ],
)
def test_other_programs_are_not_it(words: list[str]) -> None:
    """Neither our own commands nor pyWATS' other ones."""
    assert not is_own_service(words)


@pytest.mark.skipif(sys.platform == "win32", reason="units are Linux'")
def test_a_running_process_is_named(tmp_path: Path) -> None:
    """It is found among all processes of the computer."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "-m", "pywats_client", "service"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        warning = own_service(units=tmp_path)
        process.communicate()
    assert warning and f"process {process.pid}" in warning and "same folders; stop it" in warning


@pytest.mark.skipif(sys.platform == "win32", reason="units are Linux'")
def test_an_enabled_unit_is_named_with_the_way_to_stop_it(tmp_path: Path) -> None:
    """It starts with the machine, even if it does not run now; one that is only installed does not."""
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (tmp_path / "pywats-service.service").touch()
    assert own_service(units=tmp_path, processes=lambda: ()) is None
    for name in ("pywats-service.service", "pywats-service@line2.service", "other.service"):
        (wants / name).symlink_to("/etc/systemd/system/" + name)
    warning = own_service(units=tmp_path, processes=lambda: ())
    assert warning and "service pywats-service.service, service pywats-service@line2.service)" in warning
    assert "'systemctl disable --now pywats-service.service pywats-service@line2.service'" in warning


def test_a_service_of_windows_is_named_with_the_way_to_stop_it() -> None:
    """One that runs or starts with Windows counts; one that is disabled, or vanishes meanwhile, does not."""

    def service(name: str, status: str, start: str) -> SimpleNamespace:
        return SimpleNamespace(name=lambda: name, status=lambda: status, start_type=lambda: start)

    def gone() -> str:
        raise OSError("it was removed")

    services = [
        service("pyWATS_Service", "stopped", "automatic"),
        service("pyWATS_Service_b", "running", "manual"),
        service("pyWATS_Service_c", "stopped", "disabled"),
        service("Spooler", "running", "automatic"),
        SimpleNamespace(name=gone),
    ]
    warning = own_service(windows=True, services=lambda: services, processes=lambda: ())
    assert warning and "(service pyWATS_Service, service pyWATS_Service_b)" in warning
    assert "'sc.exe stop pyWATS_Service', then 'sc.exe config pyWATS_Service start= disabled'" in warning
