"""What the project's own files promise."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    "Windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
}


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_dependency_is_pinned(system: str, python: str) -> None:
    """Whatever an installation needs, on each Python and system we serve, is pinned in constraints.txt."""
    target = {**SYSTEMS[system], "python_version": python, "python_full_version": f"{python}.0"}
    assert needed(target) - pins().keys() == set()


def test_every_dependency_has_an_upper_bound_that_is_tested() -> None:
    """No dependency's next major version is installed before it was tried, and the bounds admit what is tried."""
    wanted = [each for each in requirements("pywats-archive") if each.marker is None]
    assert len(wanted) > 10
    assert [each.name for each in wanted if not any(bound.operator.startswith("<") for bound in each.specifier)] == []
    assert [each.name for each in wanted if not each.specifier.contains(pins()[canonicalize_name(each.name)])] == []


def pins() -> dict[str, str]:
    """Read the version of each package that this project is tested with."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.posix("the tool is for Linux")
def test_without_wine_the_tests_for_windows_are_skipped_in_one_line(tmp_path: Path) -> None:
    """Where neither Wine nor apt-get is to be found, the tool says what is missing and is no failure."""
    command = [sys.executable, "-m", "tools.windows"]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert done.stdout.startswith("Skipped the tests for Windows: Wine is not installed")


def needed(target: dict[str, str], extras: frozenset[str] = frozenset({"dev"})) -> set[str]:
    """Name all that the project with some extras needs there, as far as the packages installed here show."""
    names: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [("pywats-archive", extras)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for requirement in requirements(name):
            if requirement.marker is None or any(
                requirement.marker.evaluate({**target, "extra": extra}) for extra in wanted or {""}
            ):
                names.add(canonicalize_name(requirement.name))
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return names


def requirements(name: str) -> list[Requirement]:
    """Read what a package asks for; nothing where it is not installed, as Windows' own are not on Linux."""
    try:
        return [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []
