"""A folder of the user's own files: each goes to the converter that claims it best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pywats_archive.demo.drops import Drop
from pywats_archive.errors import UsageError
from pywats_archive.host.job import ConversionJob, job_for
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.worker import entry

_NAME_ALONE = 0.3
"""The confidence of a converter that has only checked the name."""
_UNCLAIMED = "json"
"""The converter of files that no converter claims: there they are archived, and skipped or failed."""


def route(folder: Path, config: Path) -> tuple[Drop, ...]:
    """Make a drop of each file beneath ``folder``, for the converter whose ``validate`` gives the highest confidence."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: is not a folder; name a folder with log files")
    station = read_station_config(config)
    jobs = {c.name: job_for(c, station) for c in station.converters if c.converter_type == "file"}
    drops = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if _is_companion(path, folder):
            continue
        claims = {name: entry.validate_only(_at(job, path)) for name, job in jobs.items()}
        best = max(claims, key=lambda name: claims[name])
        drops.append(_drop(path, best if claims[best] > _NAME_ALONE else _UNCLAIMED))
    if not drops:
        raise UsageError(f"{folder}: has no files; name a folder with log files")
    return tuple(drops)


def _at(job: ConversionJob, path: Path) -> ConversionJob:
    return replace(job, source_path=str(path))


def _drop(path: Path, converter: str) -> Drop:
    beside = path.parent / path.stem
    files = (f for f in beside.rglob("*") if f.is_file()) if beside.is_dir() else ()
    companions: dict[str, bytes | Path] = {f.relative_to(path.parent).as_posix(): f for f in files}
    return Drop(converter=converter, name=path.name, origin=path, companions=companions)


def _is_companion(path: Path, folder: Path) -> bool:
    """Return whether a file lies in a folder that is named like a file beside it."""
    parents = [parent for parent in path.parents if parent != folder and parent.is_relative_to(folder)]
    return any(f.is_file() and f.stem == parent.name for parent in parents for f in parent.parent.iterdir())
