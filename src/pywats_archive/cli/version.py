"""``--version --verbose``: what a bug report should say about an installation."""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.outline import read_outline
from pywats_archive.redaction import redacted

DISTRIBUTION = "pywats-archive"
_NAME = re.compile(r"[\w.-]+")


def installation(config: Path) -> Iterator[tuple[str, str]]:
    """Yield names and values: versions, the computer, and where the configuration and the archives are; no secrets."""
    yield DISTRIBUTION, metadata.version(DISTRIBUTION)
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}) at {sys.executable}"
    yield "platform", f"{platform.platform()} {platform.machine()}"
    yield "SQLite", sqlite3.sqlite_version
    for name in _dependencies():
        yield name, metadata.version(name)
    yield "installed in", str(Path(__file__).parents[2])
    yield from _station(config)


def _dependencies() -> list[str]:
    """Return the names of the project's own requirements, on every platform."""
    wanted = [line for line in metadata.requires(DISTRIBUTION) or [] if ";" not in line]
    return sorted((_NAME.findall(line)[0] for line in wanted), key=str.lower)


def _station(config: Path) -> Iterator[tuple[str, str]]:
    if not config.exists():
        yield "configuration", f"{config} (not there; name another with --config)"
        return
    yield "configuration", str(config)
    try:
        roots = read_outline(config).archive_roots(even_unused=True)
    except ArchiveError as exc:
        yield "archives", redacted(str(exc))
        return
    for root in roots:
        yield "archive", f"{root}{'' if root.exists() else ' (not there)'}"
