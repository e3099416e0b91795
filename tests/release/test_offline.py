"""The zip for this platform and Python, installed without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tools.release.offline import install as offline
from tools.release.project import ROOT, build, sha256, version_of, write_sums
from tools.release.target import this_computer
from tools.release.wheelhouse import pack

from tests.unit.test_documentation import LINK

_ALONE = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Runs a command without any network but loopback, which the demo's server needs."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tries the zip for Linux")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and the zip for this Python."""
    folder = tmp_path_factory.mktemp("dist")
    pack(this_computer(), build(folder), folder)
    return folder


@pytest.fixture(scope="module")
def alone() -> Sequence[str]:
    """What runs a command without a network."""
    tried = subprocess.run([*_ALONE, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("network namespaces are not allowed here")
    return _ALONE


@pytest.fixture
def unpacked(dist: Path, tmp_path: Path) -> Path:
    """The folder in the zip, as ``unzip`` leaves it."""
    (made,) = dist.glob("*.zip")
    with zipfile.ZipFile(made) as packed:
        packed.extractall(tmp_path)
    return tmp_path / made.stem


def install(unpacked: Path, to: Path, alone: Sequence[str] = (), **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the zip's own script, with an environment that would mislead pip if it read it."""
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PIP_NO_BINARY": ":all:",
        "PIP_TARGET": str(to / "elsewhere"),
    }
    words = [*alone, "sh", str(unpacked / "install.sh"), str(to)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False, **more)


def test_the_zip_installs_and_the_demo_runs_without_a_network(
    unpacked: Path, tmp_path: Path, alone: Sequence[str]
) -> None:
    """All that a station needs is in the zip, with the documentation; to install again into the folder is an upgrade."""
    folder = tmp_path / "with space"
    for _ in range(2):
        ended = install(unpacked, folder, alone)
        assert ended.returncode == 0, ended.stderr
    command = folder / "bin" / "pywats-archive"
    assert f'{command}" docs install-linux' in ended.stdout
    demo = subprocess.run(
        [*alone, command, "demo", "--count", "20", "--to", tmp_path / "station"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert subprocess.run([folder / "bin" / "python", "-c", "import obstore"], check=False).returncode == 0
    (documentation,) = folder.rglob("documentation")
    assert str(documentation) in subprocess.run([command, "docs"], capture_output=True, text=True, check=True).stdout
    check_documentation(documentation)


def test_an_installation_loads_nothing_from_the_current_folder_and_others_may_read_it(
    unpacked: Path, tmp_path: Path
) -> None:
    """Root may install from a folder such as /tmp, and with a umask under which no service could read the result."""
    here, ran, folder = tmp_path / "here", tmp_path / "ran", tmp_path / "new"
    here.mkdir()
    for module in ("venv", "runpy", "logging"):
        (here / f"{module}.py").write_text(f"open({str(ran)!r}, 'w').close()\nraise SystemExit('planted')\n")
    ended = install(unpacked, folder, cwd=here, umask=0o077)
    assert ended.returncode == 0, ended.stderr
    assert not ran.exists()
    assert [
        path for path in (folder, *folder.rglob("*")) if not path.is_symlink() and not path.stat().st_mode & 0o004
    ] == []


def test_an_upgrade_uses_the_python_that_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Python of the same version takes over the folder, also if the former one is gone."""
    folder = tmp_path / "environment"
    monkeypatch.setattr(offline, "HERE", tmp_path)
    (tmp_path / "python-version.txt").write_text(f"{sys.version_info[0]}.{sys.version_info[1]}\n", encoding="ascii")
    python = offline.make_environment(folder)
    for link in (folder / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/former/python")
    assert offline.make_environment(folder) == python
    assert Path(os.path.realpath(python)) == Path(os.path.realpath(sys.executable))


def check_documentation(folder: Path) -> None:
    """Every page is installed, and its links lead to pages that are installed too."""
    assert {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")} == {
        path.relative_to(folder / "docs") for path in (folder / "docs").rglob("*.md")
    }
    for page in folder.rglob("*.md"):
        links = LINK.findall(page.read_text(encoding="utf-8"))
        assert [(page, each) for each in links if not (page.parent / each).exists()] == []


def test_an_altered_wheel_is_refused(unpacked: Path, tmp_path: Path) -> None:
    """The lock's hashes are checked: a package that is not the one that was tested is not installed."""
    (wheel,) = (unpacked / "wheels").glob("h11-*.whl")
    with zipfile.ZipFile(wheel, "a") as altered:
        altered.writestr("h11/more.py", "")
    ended = install(unpacked, tmp_path / "new")
    assert ended.returncode == 1 and "DO NOT MATCH THE HASHES" in ended.stderr
    assert not (tmp_path / "new" / "bin" / "pywats-archive").exists()


def test_another_python_and_a_used_folder_are_one_line(unpacked: Path, tmp_path: Path) -> None:
    """What cannot be installed says so before anything is written."""
    used = tmp_path / "used"
    used.mkdir()
    (used / "report.csv").write_bytes(b"mine")
    ended = install(unpacked, used)
    assert ended.returncode == 1
    assert ended.stderr == f"install: {used} is not empty; name another folder, or remove it\n"
    (unpacked / "python-version.txt").write_bytes(b"3.9\r\n")
    ended = install(unpacked, tmp_path / "new")
    assert ended.returncode == 1 and ended.stderr.startswith("install: this is for Python 3.9, and ")
    assert not (tmp_path / "new").exists() and os.listdir(used) == ["report.csv"]  # noqa: PTH208


def test_a_release_is_the_same_bytes_again_and_its_sums_agree(dist: Path, tmp_path: Path) -> None:
    """Who builds the same commit gets the same files, which SHA256SUMS names."""
    again = build(tmp_path)
    assert {path.name: sha256(path) for path in tmp_path.iterdir()}.items() <= {
        path.name: sha256(path) for path in dist.iterdir()
    }.items()
    write_sums(tmp_path)
    shutil.copy2(again, tmp_path / "copy")
    checked = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert checked.returncode == 0 and version_of(again) in checked.stdout.decode()
