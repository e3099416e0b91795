"""The versions of the program, of Python, SQLite and pyWATS, and what is known to be wrong with some of them."""

from __future__ import annotations

import platform
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic

_SHOWN = ("pywats-archive", "pywats-api", "Python", "SQLite")
Version = tuple[int, ...]


def check_versions(versions: Mapping[str, str] | None = None) -> StationCheck:
    """Return the versions, and what to do about the worst of what is known about them."""
    known = versions or installed()
    seen = ", ".join(f"{name} {known[name]}" for name in _SHOWN if name in known)
    faults = [each for each in _KNOWN_FAULTS if each.name in known and each.concerns(_numbers(known[each.name]))]
    if not faults:
        return StationCheck(topic=Topic.VERSIONS, seen=seen)
    worst = min(faults, key=lambda fault: fault.level is CheckLevel.OK)
    means = "; ".join(f"{each.name} {known[each.name]} {each.means}" for each in faults)
    return StationCheck(topic=Topic.VERSIONS, level=worst.level, seen=seen, advice=f"{means}; {worst.change}")


def installed() -> dict[str, str]:
    """Return the versions that matter, by name."""
    names = ("pywats-archive", "pywats-api", "httpx")
    found = {name: metadata.version(name) for name in names if _is_installed(name)}
    return {**found, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _numbers(version: str) -> Version:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


@dataclass(frozen=True, slots=True)
class _Fault:
    """A fault of some versions; level OK for a remark."""

    name: str
    concerns: Callable[[Version], bool]
    level: CheckLevel
    means: str
    change: str


def _can_damage_wal(version: Version) -> bool:
    """Whether SQLite has its fault of WAL resets (sqlite.org, "The WAL Reset Bug"), which three branches have mended."""
    return version < (3, 51, 3) and not any(least <= version < (3, least[1] + 1) for least in ((3, 44, 6), (3, 50, 7)))


_KNOWN_FAULTS = (
    _Fault("pywats-api", lambda version: version[:2] != (0, 6), CheckLevel.WARNING,
           "is not tested; the service was built for 0.6", "install pywats-api 0.6"),
    _Fault("httpx", lambda version: version >= (1,), CheckLevel.FAILED,
           "cannot be used by pyWATS, so no report can be sent", "install httpx below version 1"),
    _Fault("SQLite", _can_damage_wal, CheckLevel.OK,
           "has a very rare fault that damages the catalog when two programs write to it at the same moment",
           "a Python with SQLite 3.51.3 or later does not have it; 'pywats-archive rebuild' repairs such damage"),
)  # fmt: skip
