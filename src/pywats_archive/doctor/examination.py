"""The examination of a station's folders: a probe in each, its trials, and the verdict."""

from __future__ import annotations

import errno
import getpass
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pywats_archive.config import StationConfig
from pywats_archive.doctor.findings import Check, Findings, Outcome, Result, Role, Use
from pywats_archive.doctor.in_time import InTime
from pywats_archive.doctor.places import Place, Shelter, Watcher, places_of, shelter_in, watchers_of
from pywats_archive.doctor.probe import ProbeLeft, laid
from pywats_archive.doctor.station.checks import StationCheck
from pywats_archive.doctor.trials import NO_SPACE, Bench, Means, reason, run_trials
from pywats_archive.doctor.verdict import Guarantee, Level, judge, worst
from pywats_archive.portable.volumes import FileSystem

_RESOLVE_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """One folder: its findings and the verdict."""

    findings: Findings
    verdict: Guarantee


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All folders, and the account of the trials, whose rights they show."""

    account: str
    folders: tuple[Examined, ...]
    warnings: tuple[str, ...] = ()
    """Warnings about doubtful values in the configuration, a line each."""
    other_service: str | None = None
    """A warning about pyWATS' own service on this computer; None if there is none."""
    checks: tuple[StationCheck, ...] = ()
    """The checks of everything beside the folders."""
    is_served: bool = False
    """Whether a service works on one of the archives."""

    @property
    def level(self) -> Level:
        """The level that holds in every folder."""
        return worst(tuple(folder.verdict for folder in self.folders))

    @property
    def is_healthy(self) -> bool:
        """Whether every folder is *full*, and no check found anything."""
        return self.level is Level.FULL and all(check.is_sound for check in self.checks)


def examine_station(
    station: StationConfig, means: Means | None = None, *, away: Mapping[Path, str] | None = None
) -> Examination:
    """Examine every folder that a configuration's enabled converters use, beside a running service too.

    ``away`` are unavailable archives: nothing is tried in their place.
    """
    return _examine(places_of(station), watchers_of(station), means or Means(), away or {})


def with_created(examination: Examination, folders: Collection[Path]) -> Examination:
    """Return an examination as it is once missing folders are created, which the set-up of a station does. Pure."""
    paths = {os.path.normpath(folder) for folder in folders}
    return replace(examination, folders=tuple(_created(each, paths) for each in examination.folders))


def _created(examined: Examined, paths: Collection[str]) -> Examined:
    findings = examined.findings
    if findings.path not in paths:
        return examined
    others = tuple(each for each in findings.outcomes if (each.check, each.result) != (Check.THERE, Result.WEAK))
    return replace(examined, verdict=judge(replace(findings, outcomes=others)))


def examine_archive(root: Path, means: Means | None = None) -> Examination:
    """Examine the folder of an archive, or of a future archive."""
    place = Place(path=Path(os.path.normpath(root.absolute())), uses=(Use(role=Role.ARCHIVE),))
    return _examine((place,), (), means or Means(), {})


def _examine(
    places: Sequence[Place], watchers: Sequence[Watcher], means: Means, away: Mapping[Path, str]
) -> Examination:
    known = _resolved(watchers)
    late = tuple(_unusable(place, f"no answer within {means.limit_s:g} s") for place in places)
    works = [
        partial(_unusable, place, away[place.path]) if place.path in away else partial(_findings, place, known, means)
        for place in places
    ]
    findings = InTime(works, late, limit_s=means.limit_s, must_end=True).results()
    folders = tuple(Examined(findings=each, verdict=judge(each)) for each in findings)
    return Examination(account=_account(), folders=folders)


def _findings(place: Place, watchers: Sequence[Watcher], means: Means) -> Findings:
    try:
        return _tried(place, watchers, means)
    except Exception as exc:
        return _unusable(place, reason(exc))


def _tried(place: Place, watchers: Sequence[Watcher], means: Means) -> Findings:
    base = _nearest(place.path)
    if not base.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{base} is not a folder")
    is_there = base == place.path
    there = Outcome(check=Check.THERE, result=Result.OK)
    if not is_there:
        there = replace(there, result=Result.WEAK, told=f"the other checks were made in {base}")
    found = Findings(path=str(place.path), uses=place.uses, outcomes=(there,), file_system=_file_system(base, means))
    folder, shelter = _shelter(base, watchers)
    if shelter is Shelter.NONE:
        why = "several converters watch it or look into it, so that any probe would be one's source"
        return _with(found, Outcome(check=Check.WRITING, result=Result.SKIPPED, told=why))
    outcomes: list[Outcome] = []
    try:
        with laid(folder, shelter) as probe:
            bench = Bench(place=place, probe=probe, means=means, is_itself=folder == place.path)
            for outcome in _outcomes(bench, watchers):
                outcomes.append(outcome)  # noqa: PERF402 (those before a full disk count)
    except ProbeLeft as exc:
        outcomes.append(Outcome(check=Check.CLEANING, result=Result.FAILED, told=f"{exc.filename} ({reason(exc)})"))
    except OSError as exc:
        check = Check.SPACE if exc.errno in NO_SPACE else Check.WRITING
        outcomes.append(Outcome(check=check, result=Result.FAILED, told=reason(exc)))
    return replace(_with(found, *outcomes), tried_in=str(folder))


def _outcomes(bench: Bench, watchers: Sequence[Watcher]) -> Iterator[Outcome]:
    bench.probe.write("written")
    if not bench.is_itself and bench.place.path.is_dir() and not _may_write(bench.place.path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(bench.place.path))
    yield Outcome(check=Check.WRITING, result=Result.OK)
    yield from run_trials(bench)
    for number, watch in enumerate(bench.place.watches):
        yield _arriving(bench, watch, watchers, number)


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def _arriving(bench: Bench, watch: Path, watchers: Sequence[Watcher], number: int) -> Outcome:
    """Move a file from a watch folder here, as the service moves a source."""
    skipped = Outcome(check=Check.ARRIVING, result=Result.SKIPPED, told=f"{watch} cannot be used for it")
    folder, shelter = _shelter(watch, watchers) if watch.is_dir() else (watch, Shelter.NONE)
    if shelter is Shelter.NONE:
        return skipped
    try:
        with laid(folder, shelter) as source:
            try:
                dropped = source.write("dropped")
            except OSError:
                return skipped
            return _moved(bench, dropped, watch, number)
    except OSError:
        return skipped


def _moved(bench: Bench, dropped: Path, watch: Path, number: int) -> Outcome:
    try:
        bench.means.rename_exclusive(dropped, bench.probe.path(f"arrived-{number}"))
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            return Outcome(check=Check.ARRIVING, result=Result.WEAK, told=f"from {watch}: copied")
        return Outcome(check=Check.ARRIVING, result=Result.FAILED, told=f"from {watch}: {reason(exc)}")
    return Outcome(check=Check.ARRIVING, result=Result.OK, told=f"from {watch}: renamed")


def _nearest(path: Path) -> Path:
    """Return ``path``, or its nearest parent that exists."""
    for each in (path, *path.parents):
        try:
            each.stat()
        except FileNotFoundError:
            continue
        return each
    return path


def _shelter(folder: Path, watchers: Sequence[Watcher]) -> tuple[Path, Shelter]:
    """Choose the place of a probe for ``folder``: there, or in its parent if that is on the same file system."""
    shelter = shelter_in(Path(os.path.realpath(folder)), watchers)
    parent = folder.parent
    if shelter is Shelter.NONE and parent.stat().st_dev == folder.stat().st_dev:
        return parent, shelter_in(Path(os.path.realpath(parent)), watchers)
    return folder, shelter


def _file_system(folder: Path, means: Means) -> FileSystem | None:
    try:
        return means.file_system(folder)
    except OSError:
        return None


def _with(findings: Findings, *outcomes: Outcome) -> Findings:
    return replace(findings, outcomes=(*findings.outcomes, *outcomes))


def _unusable(place: Place, why: str) -> Findings:
    outcome = Outcome(check=Check.THERE, result=Result.FAILED, told=why)
    return Findings(path=str(place.path), uses=place.uses, outcomes=(outcome,))


def _resolved(watchers: Sequence[Watcher]) -> tuple[Watcher, ...]:
    """Resolve links in the watchers' paths, so that two names of a folder are one; paths on a dead share stay unresolved."""
    works = [partial(_followed, watcher) for watcher in watchers]
    return InTime(works, watchers, limit_s=_RESOLVE_S).results()


def _followed(watcher: Watcher) -> Watcher:
    own = tuple(Path(os.path.realpath(folder)) for folder in watcher.own_folders)
    return replace(watcher, folder=Path(os.path.realpath(watcher.folder)), own_folders=own)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an account without a name"
