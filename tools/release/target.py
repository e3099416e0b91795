"""Where a zip is to be installed: a platform and a version of Python."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

PLATFORMS = ("linux", "windows")
PYTHON_VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 28
"""Minor versions of glibc 2 whose wheels are used: 2.28 is that of Debian 10, Ubuntu 20.04 and RHEL 8."""
_UV_PLATFORMS = {"linux": f"x86_64-manylinux_2_{_NEWEST_GLIBC}", "windows": "x86_64-pc-windows-msvc"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One combination, always for 64-bit x86."""

    platform: str
    python: str

    def __str__(self) -> str:
        return f"{self.platform}-python{self.python}"

    @property
    def uv_platform(self) -> str:
        """The name that uv resolves for."""
        return _UV_PLATFORMS[self.platform]

    @property
    def pip_platforms(self) -> tuple[str, ...]:
        """The tags of wheels that pip may take, the newest first."""
        if self.platform == "windows":
            return ("win_amd64",)
        glibc = (f"manylinux_2_{minor}_x86_64" for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1))
        return (*glibc, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64")


def this_computer() -> Target:
    """Return the target that this Python is itself."""
    system = platform.system().lower()
    return Target(platform=system, python=f"{sys.version_info.major}.{sys.version_info.minor}")
