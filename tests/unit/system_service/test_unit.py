"""The systemd unit of a service: read back by systemd itself where it is installed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command

from pywats_archive.errors import UsageError
from pywats_archive.system_service.needs import Needs
from pywats_archive.system_service.unit import isolation_of, unit_text

SYSTEMD = Path("/lib/systemd/systemd")
ANALYZE = shutil.which("systemd-analyze")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="units have POSIX paths")
NAMES = [
    "with space",
    "100% of it %h",
    'the "best"',
    "it's",
    "back\\slash",
    "$HOME ${HOME}",
    "Prüfstand 測試",
    "a;b #c",
    "-x",
]


def needs(*writable: str, readable: str = "/opt/python", stop_limit_s: int = 360) -> Needs:
    return Needs(
        config=Path(writable[0], "config.json"),
        writable=tuple(map(Path, writable)),
        readable=(Path(readable),),
        stop_limit_s=stop_limit_s,
    )


def text_of(wanted: Needs, *, account: str = "daemon") -> str:
    return unit_text(wanted, account=account, command=("/usr/bin/env", "-m", "run", "--config", str(wanted.config)))


def line_of(text: str, key: str) -> str:
    return next(line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}="))


@pytest.fixture
def units() -> Iterator[Path]:
    """A folder of units that any account may read."""
    folder = Path(tempfile.mkdtemp(prefix="units-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not SYSTEMD.exists(), reason="systemd is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_reads_back_every_path(units: Path, name: str) -> None:
    """Spaces, quotes, specifiers, variables and other scripts come through: systemd's own parser shows the same paths."""
    folder = f"/srv/station/{name}"
    text = text_of(needs(folder, "/srv/other"))
    read = read_by_systemd(units, text)
    assert read["ReadWritePaths"] == f"-{folder} -/srv/other"
    path = shlex.split(read["Command Line"])[-1]
    assert path.replace("\\$", "$") == f"{folder}/config.json".replace("$", "$$"), "at the start, $$ becomes $"
    assert read["KillMode"] == "mixed" and read["TimeoutStopSec"] == "6min"


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong_with_a_unit(units: Path, name: str) -> None:
    """``systemd-analyze verify`` has no complaint of a whole unit."""
    assert ANALYZE
    path = units / "pywats-archive.service"
    path.write_text(text_of(needs(f"/srv/station/{name}")), encoding="utf-8")
    done = subprocess.run([ANALYZE, "verify", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_unit_hides_what_the_service_does_not_need() -> None:
    """Homes and temporary folders are hidden, and everything else is read-only."""
    text = text_of(needs("/srv/station"))
    assert line_of(text, "ProtectSystem") == "strict"
    assert (line_of(text, "ProtectHome"), line_of(text, "PrivateTmp")) == ("yes", "yes")
    assert line_of(text, "ReadWritePaths") == "-/srv/station"
    assert line_of(text, "CapabilityBoundingSet") == ""


@pytest.mark.parametrize("place", ["writable", "readable"])
def test_a_unit_hides_no_folder_that_the_service_needs(place: str) -> None:
    """A watch folder or a Python in somebody's home stays visible; so does one in a temporary folder."""
    at_home = needs("/home/ann/station") if place == "writable" else needs("/srv/station", readable="/home/ann/venv")
    assert isolation_of(at_home).protect_home == "read-only" and isolation_of(at_home).private_tmp
    at_tmp = needs("/tmp/station") if place == "writable" else needs("/srv/station", readable="/tmp/venv")
    assert isolation_of(at_tmp).protect_home == "yes" and not isolation_of(at_tmp).private_tmp
    assert isolation_of(at_tmp).writable[-2:] == ("/tmp", "/var/tmp"), "scratch files need a place"


def test_a_home_behind_a_link_counts(tmp_path: Path) -> None:
    """A folder that a link leads to is the one that must not be hidden."""
    link = tmp_path / "link"
    link.symlink_to("/home")
    assert isolation_of(needs(f"{link}/ann")).protect_home == "read-only"


@pytest.mark.parametrize("name", ["new\nline", "bell\a", "\udcff"])
def test_what_a_unit_cannot_hold_is_refused(name: str) -> None:
    """A path that could add a line to the unit is an error, and so is one that is not UTF-8."""
    with pytest.raises(UsageError, match="rename it"):
        text_of(needs(f"/srv/{name}"))


def test_root_keeps_its_capabilities() -> None:
    """Without them, root could not read what other accounts drop."""
    assert "CapabilityBoundingSet" not in text_of(needs("/srv/station"), account="root")


def test_a_folder_with_the_bit_of_its_group_may_be_copied_to_done() -> None:
    """A folder in a watch folder of a group (mode 2775) has the set-group-ID bit, which RestrictSUIDSGID lets nobody set."""
    assert "RestrictSUIDSGID" not in text_of(needs("/srv/station"))


def test_a_stop_may_take_as_long_as_the_longest_conversion() -> None:
    """systemd kills the service only after that time (invariant 15)."""
    assert line_of(text_of(needs("/srv/station", stop_limit_s=960)), "TimeoutStopSec") == "960"


def test_a_service_whose_configuration_comes_later_starts_again(tmp_path: Path) -> None:
    """Its disk or share may be mounted after the start: no failure of the command is final."""
    failed = command("run", "--config", str(tmp_path / "away" / "config.json"))
    assert failed.returncode != 0 and "there is no such file" in failed.stderr
    text = text_of(needs("/srv/station"))
    assert line_of(text, "Restart") == "on-failure" and "RestartPreventExitStatus" not in text


def read_by_systemd(units: Path, text: str) -> dict[str, str]:
    """Return what systemd shows of the unit ``pywats-archive`` when it reads all units of a system, and starts none."""
    (units / "pywats-archive.service").write_text(text, encoding="utf-8")
    (units / "default.target").write_text("[Unit]\nRequires=pywats-archive.service\n")
    everybody = [] if os.geteuid() else ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    environment = {
        "SYSTEMD_UNIT_PATH": f"{units}:/lib/systemd/system",
        "HOME": str(units),
        "XDG_RUNTIME_DIR": str(units),
    }
    done = subprocess.run(
        [*everybody, str(SYSTEMD), "--test", "--system"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    shown = done.stdout.partition("-> Unit pywats-archive.service:")[2].partition("-> Unit ")[0]
    if not shown:
        pytest.skip(f"systemd reads no units here: {done.stderr[-200:]}")
    pairs = (line.strip().partition(": ") for line in shown.splitlines())
    read: dict[str, str] = {}
    for key, _, value in pairs:
        read.setdefault(key, value)  # the command of the start comes before that of the reload
    return read
