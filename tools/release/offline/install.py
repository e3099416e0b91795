"""Installs pywats-archive from this folder, without a network: python install.py [FOLDER]"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WINDOWS = sys.platform == "win32"
OLDEST_GLIBC = (2, 28)
COMMAND = "pywats-archive"
PIP = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__', alter_sys=True)"
"""Runs pip from its wheel, and under a name with which it may also replace pip on Windows."""


def main() -> None:
    """Install, and say how to go on."""
    os.umask(0o022)  # the account of a service reads what root installs
    try:
        require_this_python()
        folder = wanted_folder()
        python = make_environment(folder)
        install(python)
        command = python.with_name(COMMAND) if not WINDOWS else python.parent / f"{COMMAND}.exe"
        if WINDOWS and not command.exists():
            command = python.parent / "Scripts" / f"{COMMAND}.exe"
        version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    except subprocess.CalledProcessError as exc:
        raise SystemExit(f"install: {exc.cmd[0]} ended with exit code {exc.returncode}\n{exc.stderr or ''}") from exc
    except OSError as exc:
        raise SystemExit(f"install: {exc.filename}: {exc.strerror}") from exc
    shown = f'"{command}"' if " " in str(command) else str(command)
    print(f"Installed: {version}, with Python {platform.python_version()}, in {folder}")
    print(f"Try it:    {shown} demo")
    print(f"Read on:   {shown} docs {'install-windows' if WINDOWS else 'install-linux'}")
    if closed := closed_folder(Path(sys.base_prefix).resolve()):
        print(
            f"Warning:   other accounts cannot read {closed}, where this Python is; a service needs one that they can read"
        )


def require_this_python() -> None:
    """End with one line where these wheels do not fit."""
    wanted = (HERE / "python-version.txt").read_text(encoding="ascii").strip()
    if f"{sys.version_info[0]}.{sys.version_info[1]}" != wanted:
        raise SystemExit(
            f"install: this is for Python {wanted}, and {sys.executable} is {platform.python_version()};"
            f" take the zip for this version, or name another Python with PYTHON"
        )
    if sys.maxsize < 2**32 or platform.machine().lower() not in ("x86_64", "amd64"):
        raise SystemExit(f"install: this is for 64-bit x86, and {sys.executable} is for {platform.machine()}")
    name, version = platform.libc_ver()
    if not WINDOWS and (name != "glibc" or tuple(map(int, version.split(".")[:2])) < OLDEST_GLIBC):
        raise SystemExit(
            f"install: this needs glibc 2.28 or newer, as Debian 10 and RHEL 8 have; found: {name} {version}"
        )


def closed_folder(folder: Path) -> Path | None:
    """Return the folder, of this one and those it is in, that accounts other than its owner cannot enter."""
    return next((each for each in (folder, *folder.parents) if not WINDOWS and not each.stat().st_mode & 0o001), None)


def wanted_folder() -> Path:
    """Return the folder that was named, or ask for it."""
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        raise SystemExit("usage: install [FOLDER]; FOLDER is created, or was created by an earlier install")
    if len(sys.argv) == 2:
        return Path(sys.argv[1]).absolute()
    if not sys.stdin.isatty():
        raise SystemExit("install: which folder? Name it: install FOLDER")
    usual = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files") if WINDOWS else "/opt") / COMMAND
    try:
        named = input(f"Folder to install to [{usual}]: ").strip()
    except (EOFError, KeyboardInterrupt):
        raise SystemExit("\ninstall: no folder was named; nothing is installed") from None
    return Path(named or usual).absolute()


def make_environment(folder: Path) -> Path:
    """Create the folder's own Python, or use that of an earlier installation; return it.

    It is started with -I, so that no module in the current folder is loaded, which others may be able to write to.
    """
    own = folder / "python-version.txt"
    version = (HERE / own.name).read_text(encoding="ascii").strip()
    if folder.exists() and any(folder.iterdir()):
        found = own.read_text(encoding="ascii").strip() if own.exists() else None
        if found != version:
            reason = f"has an installation for Python {found}" if found else "is not empty"
            raise SystemExit(f"install: {folder} {reason}; name another folder, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / own.name, own)
    if importlib.util.find_spec("venv"):
        remove_links(folder / "bin")
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
        python = folder / ("Scripts/python.exe" if WINDOWS else "bin/python")
    else:
        python = copy_embeddable(folder)
    return python


def remove_links(commands: Path) -> None:
    """Remove an earlier installation's links to its Python, which venv would keep: this Python may be another one."""
    for link in commands.glob("python*"):
        if link.is_symlink():
            link.unlink()


def copy_embeddable(folder: Path) -> Path:
    """Copy an embeddable Python for Windows, which has no venv, and let it find packages of its own."""
    shutil.copytree(Path(sys.executable).parent, folder, dirs_exist_ok=True)
    enable_packages(folder)
    return folder / "python.exe"


def enable_packages(folder: Path) -> None:
    """Name the folder of packages in the file that replaces the search path of an embeddable Python."""
    (paths,) = folder.glob("python*._pth")
    ours = (r"Lib\site-packages", "import site")
    lines = [line for line in paths.read_text(encoding="utf-8").splitlines() if line.lstrip("#").strip() not in ours]
    paths.write_text("\n".join([*lines, *ours, ""]), encoding="utf-8")


def install(python: Path) -> None:
    """Install exactly the locked packages; pip checks each file's hash, and reads no configuration of this computer."""
    (pip,) = (HERE / "wheels").glob("pip-*.whl")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    words = ["install", "--isolated", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-index"]
    words += ["--find-links", str(HERE / "wheels"), "--require-hashes", "--only-binary", ":all:"]
    words += ["--no-warn-script-location", "--requirement", str(HERE / "requirements.txt")]
    if not WINDOWS:
        words.append("--root-user-action=ignore")
    subprocess.run(
        [python, "-I", "-c", PIP, pip, *words], check=True, env={**environment, "PIP_CONFIG_FILE": os.devnull}
    )


if __name__ == "__main__":
    main()
