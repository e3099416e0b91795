"""The time since the machine's start, including sleep, and the number of that start."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_ID_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
UNKNOWN_BOOT = "unknown"
"""Used where the system does not number its starts; an uptime that decreased also shows a new start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uptime:
    """The time since a start of the machine; the start of a process, a service or a container does not matter."""

    boot_id: str
    seconds: float
    """Since that start, including sleep and hibernation."""


Uptimes = Callable[[], Uptime]


def uptime(*, windows: bool = WINDOWS, ticks_ms: Callable[[], int] | None = None) -> Uptime:
    """Return the uptime now.

    Linux: CLOCK_BOOTTIME, which counts sleep, where CLOCK_MONOTONIC does not (clock_gettime(2)). Windows: GetTickCount64,
    which counts sleep and hibernation, where QueryUnbiasedInterruptTime does not (Microsoft: Windows time). macOS:
    CLOCK_MONOTONIC, which counts sleep there.
    """
    if windows:
        return Uptime(boot_id=boot_id(), seconds=(ticks_ms or _windows_ticks_ms)() / 1000)
    return Uptime(boot_id=boot_id(), seconds=time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


def _windows_ticks_ms() -> int:
    kernel = kernel32()
    ticks: int = kernel.GetTickCount64()
    return ticks


@cache
def boot_id() -> str:
    """Return what distinguishes this start of the machine from others: the kernel's random id, or Windows' count of starts."""
    if sys.platform == "win32":
        return _windows_boot_id()
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() or UNKNOWN_BOOT
    except (OSError, UnicodeDecodeError):
        return UNKNOWN_BOOT


def _windows_boot_id() -> str:
    if sys.platform != "win32":
        return UNKNOWN_BOOT
    import winreg  # noqa: PLC0415 (there on Windows alone)

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _BOOT_ID_KEY) as key:
            return f"windows-{winreg.QueryValueEx(key, 'BootId')[0]}"
    except OSError:
        return UNKNOWN_BOOT
