"""Wine: whether it is here, how to get it, and how to start a program in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = ("wine", "wine64", "binutils-mingw-w64-x86-64")
"""Debian's packages; the last one has the linker for the stand-in of a DLL that Wine lacks."""
LINKER = "x86_64-w64-mingw32-ld"
_NEEDED = ("wine", "wineboot", "wineserver", LINKER)
_VERSION = (r"HKEY_CURRENT_USER\Software\Wine", "/v", "Version", "/d", "win10", "/f")
_OVERRIDES = "winebus.sys=d"
"""No driver of game controllers: it polls every millisecond."""


class NoWineError(Exception):
    """Wine is not here and cannot be installed."""


def require_wine() -> None:
    """Install Wine where it is missing; NoWineError where that is not possible."""
    if all(map(_program, _NEEDED)):
        return
    command = f"apt-get install {' '.join(_PACKAGES)}"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise NoWineError(f"Wine is not installed, and only root can install it with apt-get ({command})")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *step], env=environment, capture_output=True, check=False)
        if done.returncode:
            reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
            raise NoWineError(f"Wine is not installed, and '{command}' failed: {reason}")
    if missing := [name for name in _NEEDED if not _program(name)]:
        raise NoWineError(f"'{command}' did not install {', '.join(missing)}")


def _program(name: str) -> str | None:
    """Find a program; Debian keeps Wine's server beside its libraries."""
    return shutil.which(name) or shutil.which(name, path="/usr/lib/wine")


@dataclass(frozen=True)
class Wine:
    """A Windows 10 of its own, in the folder ``prefix``."""

    prefix: Path

    def create(self) -> None:
        """Make the prefix anew."""
        shutil.rmtree(self.prefix, ignore_errors=True)
        self.prefix.parent.mkdir(parents=True, exist_ok=True)
        for command in (["wineboot", "--init"], ["wine", "reg", "add", *_VERSION]):
            subprocess.run(command, env=self._environment(), stdout=sys.stderr, check=True)
        self.stop()

    def run(self, program: Path, arguments: Sequence[str], *, folder: Path) -> tuple[int, bytes]:
        """Run a program to its end, pass on what it prints, and return its exit code and that output.

        The output goes through a pipe, since Wine's files lose it. The code is 0 too if Wine's server ended the program.
        """
        output = bytearray()
        command = ["wine", str(program), *arguments]
        with subprocess.Popen(
            command, cwd=folder, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout
            while piece := os.read(process.stdout.fileno(), 1 << 16):
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
                output += piece
        return process.returncode, bytes(output)

    def stop(self) -> None:
        """End what still runs in this prefix."""
        server = _program("wineserver")
        if server:
            subprocess.run([server, "--kill", "--wait"], env=self._environment(), check=False)

    def _environment(self) -> dict[str, str]:
        """Return the variables of this process with Wine's own; Python compiles each module once, not in every process."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own = {"WINEPREFIX": str(self.prefix), "WINEARCH": "win64", "WINEDEBUG": "-all", "WINEDLLOVERRIDES": _OVERRIDES}
        return inherited | own
