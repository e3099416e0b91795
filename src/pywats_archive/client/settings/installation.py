"""What is installed: the program, Python, SQLite, pyWATS and the packages that they need, with their licences."""

from __future__ import annotations

import platform
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import metadata

from pywats_archive.models.settings.installation import Installation, InstalledPackage

DISTRIBUTION = "pywats-archive"
_NAME = re.compile(r"[\w.-]+")
_FOR_EXTRAS = re.compile(r"extra ==")
_FOR_DEVELOPERS = re.compile(r"extra == .(dev|release)\b")
_LONGEST = 60
_CLASSIFIER = "License :: "


@cache
def installation() -> Installation:
    """Return what is installed; read once."""
    found = {each.metadata["Name"]: each for each in _installed(DISTRIBUTION)}
    packages = [
        InstalledPackage(name=name, version=each.version, licence=_licence(each.metadata))
        for name, each in found.items()
    ]
    own = next(each for each in packages if each.name == DISTRIBUTION)
    return Installation(
        version=own.version,
        licence=own.licence,
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        sqlite=sqlite3.sqlite_version,
        platform=f"{platform.platform()} {platform.machine()}",
        packages=tuple(sorted((each for each in packages if each is not own), key=lambda each: each.name.lower())),
    )


def _installed(root: str) -> Iterator[metadata.Distribution]:
    """Yield a distribution and, once each, those that it needs; for the root, those of its extras too, if installed."""
    waiting, seen = [root], set()
    while waiting:
        name = waiting.pop()
        if (plain := _plain(name)) in seen:
            continue
        seen.add(plain)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield found
        unwanted = _FOR_DEVELOPERS if name == root else _FOR_EXTRAS
        waiting += [_NAME.findall(line)[0] for line in found.requires or [] if not unwanted.search(line)]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(facts: metadata.PackageMetadata) -> str:
    """Return a licence as the package names it: an SPDX expression, a short text, or the words of a classifier."""
    for key in ("License-Expression", "License"):
        text = (facts[key] or "").strip() if key in facts else ""
        if text and "\n" not in text and len(text) <= _LONGEST:
            return text
    named = [line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or [] if line.startswith(_CLASSIFIER)]
    return ", ".join(named) or "not stated"
