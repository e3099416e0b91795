"""The installation: versions, the files of the package, the configuration, and what ``doctor`` finds."""

from __future__ import annotations

import base64
import csv
import hashlib
import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from pywats_archive.client import Client
from pywats_archive.doctor.verdict import Level
from pywats_archive.qualification.protocol import CheckResult, Finding, Step, failed, judged, passed
from pywats_archive.words.text import counted

PACKAGE = "pywats-archive"
_LEAST_PYTHON = (3, 10)
_LISTED = 5


def steps(*, config: Path | None, archive: Path | None) -> Iterator[Step]:
    """Yield the checks of an installation, for a configuration or one archive."""
    yield Step(
        "versions", f"Python {_LEAST_PYTHON[0]}.{_LEAST_PYTHON[1]} or later; the versions are on record", _versions
    )
    yield Step("files", "each file of the package has the checksum that its RECORD names", lambda: files(PACKAGE))
    yield Step("required packages", "each package that is required is installed", _packages)
    if config is not None:
        yield Step(
            "configuration", "the configuration can be read, and each value is valid", lambda: _configuration(config)
        )
    yield Step("doctor", "doctor finds nothing to change", lambda: _doctor(config, archive))


def files(distribution: str) -> Finding:
    """Compare the installed files of a package with the checksums of its RECORD (packaging.python.org, RECORD)."""
    installed = metadata.distribution(distribution)
    # Not by its attribute ``files``, which leaves out missing files since Python 3.12.
    lines = csv.reader((installed.read_text("RECORD") or "").splitlines())
    known = {line[0]: line[1] for line in lines if len(line) > 1 and line[1]}
    if not any(name.endswith(".py") for name in known):
        return Finding(
            CheckResult.NOT_DONE, "the package is installed from a checkout, whose files have no checksums in a RECORD"
        )
    changed = [
        name for name, digest in known.items() if _digest(Path(str(installed.locate_file(name))), digest) != digest
    ]
    if changed:
        return failed(f"{len(changed)} changed or missing: {', '.join(changed[:_LISTED])}")
    return passed(f"{len(known)} files are as they were released")


def _digest(path: Path, like: str) -> str | None:
    """Return the checksum of a file in the form and by the algorithm of another one; None if there is no file."""
    if not path.is_file():
        return None
    algorithm = like.partition("=")[0]
    digest = hashlib.new(algorithm)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return f"{algorithm}={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}"


def _versions() -> Finding:
    known = Client.installation()
    packages = ", ".join(f"{each.name} {each.version}" for each in known.packages)
    text = f"{PACKAGE} {known.version}, Python {known.python}, SQLite {sqlite3.sqlite_version}, {known.platform}; {packages}"
    if sys.version_info < _LEAST_PYTHON:
        return failed(f"Python {platform.python_version()} is too old; {text}")
    return passed(text)


def _packages() -> Finding:
    names = [each.partition(";")[0].strip() for each in metadata.requires(PACKAGE) or () if ";" not in each]
    found = [_without_version(name) for name in names]
    missing = [name for name in found if not _is_installed(name)]
    return judged([f"{name} is not installed" for name in missing], f"{len(found)} packages are installed")


def _without_version(requirement: str) -> str:
    for mark in "[<>=!~ ":
        requirement = requirement.partition(mark)[0]
    return requirement


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _configuration(path: Path) -> Finding:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with Client.from_config(path) as client:
        return passed(
            f"{path}, SHA-256 {digest}; {counted(len(client.roots), 'archive')}; "
            f"converters: {', '.join(client.converters())}"
        )


def _doctor(config: Path | None, archive: Path | None) -> Finding:
    examination = Client.doctor(config=config, archive=None if config else archive)
    weak = [
        f"{each.findings.path}: {each.verdict.level.value}"
        for each in examination.folders
        if each.verdict.level is not Level.FULL
    ]
    found = [
        f"{' '.join(filter(None, (each.topic.value, each.subject)))}: {each.seen}"
        for each in examination.checks
        if not each.is_sound
    ]
    return judged([*weak, *found], f"{len(examination.folders)} folders are full, {len(examination.checks)} checks")
