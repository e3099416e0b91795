"""The trials of a folder: each tests one requirement of a guarantee, by the same call as the service."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchfiles import watch

from pywats_archive.archive.folder.lock_trial import Exclusion, Sharing, try_lock, try_sharing
from pywats_archive.doctor import paths
from pywats_archive.doctor.findings import Check, Outcome, Result, Role
from pywats_archive.doctor.places import Place, Shelter
from pywats_archive.doctor.probe import Probe
from pywats_archive.doctor.rating import clock_offset_s, rate_clock, rate_mode, rate_space
from pywats_archive.errors import ArchiveError
from pywats_archive.portable import files as portable
from pywats_archive.portable import moving, open_files, volumes
from pywats_archive.portable.private import others_who_may_read

NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def hears(folder: Path, act: Callable[[], Path], *, timeout_s: float) -> bool:
    """Return whether the change that ``act`` makes below ``folder`` is reported in time, as the service listens."""
    deadline = time.monotonic() + timeout_s
    changed: Path | None = None
    for changes in watch(folder, watch_filter=None, debounce=50, step=20, rust_timeout=100, yield_on_timeout=True):
        if changed is not None and any(Path(path).name == changed.name for _, path in changes):
            return True
        changed = changed or act()
        if time.monotonic() > deadline:
            return False
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """The calls to try; tests replace them with failing ones."""

    sync_file: Callable[[Path], None] = portable.sync_file
    sync_folder: Callable[[Path], bool] = portable.sync_folder
    link: Callable[[Path, Path], None] = os.link
    rename_exclusive: Callable[[Path, Path], None] = portable.rename_exclusive
    move_folder: Callable[[Path, Path], None] = moving.move_folder_exclusive
    lock: Callable[[Path], Exclusion] = try_lock
    share: Callable[[Path], Sharing] = try_sharing
    hears: Callable[..., bool] = hears
    has_writer: Callable[..., bool | None] = open_files.has_writer
    readers: Callable[[Path], tuple[str, ...]] = others_who_may_read
    file_system: Callable[[Path], volumes.FileSystem | None] = volumes.file_system
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    now_s: Callable[[], float] = time.time
    windows: bool = portable.WINDOWS
    events_timeout_s: float = 5.0
    limit_s: float = 40.0
    """How long a folder may take to answer; an unavailable share may never answer."""
    is_quick: bool = False
    """Leave out the trials that wait for something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """A probe for a place, and the calls to try there."""

    place: Place
    probe: Probe
    means: Means
    is_itself: bool
    """Whether the probe is in the place itself, or in another folder in its stead."""


def run_trials(bench: Bench) -> Iterator[Outcome]:
    """Run every trial for the roles of the place; a failing call is an outcome too.

    OSError ends them when the disk is full: later trials would only show the same.
    """
    roles = {use.role for use in bench.place.uses}
    for check, concerns, trial in _TRIALS:
        if concerns & roles and check in _SLOW and bench.means.is_quick:
            yield Outcome(check=check, result=Result.SKIPPED, told="left out by --quick or --offline")
        elif concerns & roles:
            try:
                result, told = trial(bench)
            except (OSError, ArchiveError, NotImplementedError) as exc:
                if isinstance(exc, OSError) and exc.errno in NO_SPACE:
                    raise
                result, told = Result.FAILED, reason(exc)
            yield Outcome(check=check, result=result, told=told)


def reason(error: BaseException) -> str:
    """Describe an error in a few words."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__


_Trial = Callable[[Bench], tuple[Result, str]]


def _listing(bench: Bench) -> tuple[Result, str]:
    with os.scandir(_itself(bench)) as items:
        next(items, None)
    return Result.OK, ""


def _itself(bench: Bench) -> Path:
    """Return the place; create the probe's folder, as the service does, if there is none."""
    return bench.place.path if bench.place.path.is_dir() else bench.probe.folder


def _file_sync(bench: Bench) -> tuple[Result, str]:
    path = bench.probe.write("synced", b"x" * 4096)
    began = time.perf_counter()
    bench.means.sync_file(path)
    return Result.OK, f"{(time.perf_counter() - began) * 1000:.1f} ms"


def _folder_sync(bench: Bench) -> tuple[Result, str]:
    if bench.means.sync_folder(bench.probe.folder):
        return Result.OK, ""
    return Result.WEAK, "the file system has no such call"


def _hard_link(bench: Bench) -> tuple[Result, str]:
    if bench.means.windows:
        return Result.SKIPPED, "not needed on Windows"
    try:
        bench.means.link(bench.probe.write("linked"), bench.probe.path("link"))
    except OSError as exc:
        return Result.WEAK, reason(exc)
    return Result.OK, ""


def _exclusive(bench: Bench) -> tuple[Result, str]:
    new, old, free = bench.probe.write("new", b"new"), bench.probe.write("old", b"old"), bench.probe.path("free")
    with suppress(FileExistsError):
        bench.means.rename_exclusive(new, old)
        return Result.FAILED, "a name that was taken was given again"
    if old.read_bytes() != b"old" or new.read_bytes() != b"new":
        return Result.FAILED, "the name was refused, and its file changed"
    bench.means.rename_exclusive(new, free)
    return (Result.OK, "") if free.read_bytes() == b"new" else (Result.FAILED, "the renamed file holds other bytes")


def _folder_move(bench: Bench) -> tuple[Result, str]:
    if not bench.place.accepts_folders:
        return Result.SKIPPED, "no folders are moved here"
    if bench.probe.shelter is not Shelter.FOLDER:
        return Result.SKIPPED, "a folder here would be taken for a source"
    source = bench.probe.path("folder")
    source.mkdir()
    (source / "file").write_bytes(b"x")
    bench.means.move_folder(source, bench.probe.path("moved"))
    return Result.OK, ""


def _lock(bench: Bench) -> tuple[Result, str]:
    exclusion = bench.means.lock(bench.probe.path("lock"))
    results = {Exclusion.KEPT_OUT: Result.OK, Exclusion.MARKER: Result.WEAK, Exclusion.LET_IN: Result.FAILED}
    return results[exclusion], f"a second process is {exclusion.value}"


def _catalog(bench: Bench) -> tuple[Result, str]:
    sharing = bench.means.share(bench.probe.path("trial.db"))
    if not sharing.is_shared:
        return Result.FAILED, "two processes do not see each other's commits"
    return (Result.OK if sharing.journal_mode == "wal" else Result.WEAK), f"journal mode {sharing.journal_mode}"


def _events(bench: Bench) -> tuple[Result, str]:
    if not bench.is_itself:
        return Result.SKIPPED, "no probe can lie in the folder itself"
    began = time.monotonic()
    timeout_s = bench.means.events_timeout_s
    try:
        heard = bench.means.hears(bench.place.path, lambda: bench.probe.write("event"), timeout_s=timeout_s)
    except (OSError, RuntimeError) as exc:  # too many watches is ENOSPC as well, and the disk is not full
        return Result.FAILED, reason(exc)
    if heard:
        return Result.OK, f"reported after {time.monotonic() - began:.1f} s"
    return Result.FAILED, f"nothing reported within {timeout_s:g} s"


def _open_files(bench: Bench) -> tuple[Result, str]:
    """Open a file for writing and ask whether it is open; for files of other accounts the answer may differ."""
    system = bench.means.file_system(bench.probe.folder)
    if not bench.means.windows and system is not None and system.is_remote:
        return Result.WEAK, "on a share nobody knows what other computers have open"
    path = bench.probe.write("open")
    with path.open("ab"):
        while_open = bench.means.has_writer(path, windows=bench.means.windows)
    if not while_open or bench.means.has_writer(path, windows=bench.means.windows) is not False:
        return Result.WEAK, "the system does not tell"
    if bench.means.windows or open_files.may_ask_for_all():
        return Result.OK, "seen"
    return Result.WEAK, "seen for this account's own files alone"


def _read_only(bench: Bench) -> tuple[Result, str]:
    if bench.means.windows:
        return Result.SKIPPED, "Windows has rights instead"
    mode = bench.probe.write("read-only", mode=0o400).stat().st_mode & 0o777
    return rate_mode(mode, forbidden=0o377), f"mode {mode:04o}"


def _private(bench: Bench) -> tuple[Result, str]:
    if bench.means.windows:
        return _private_by_rights(bench)
    mode = _itself(bench).stat().st_mode & 0o777
    return rate_mode(mode, forbidden=0o077), f"mode {mode:04o}"


def _private_by_rights(bench: Bench) -> tuple[Result, str]:
    try:
        others = bench.means.readers(_itself(bench))
    except OSError as exc:
        return Result.SKIPPED, reason(exc)
    return (Result.WEAK, ", ".join(others)) if others else (Result.OK, "this account and the administrators")


def _space(bench: Bench) -> tuple[Result, str]:
    free, files = bench.means.free_bytes(bench.probe.folder), _free_files(bench.probe.folder)
    counted = "" if files is None else f", {files:,} files"
    size = f"{free / 1e9:,.1f} GB" if free >= 1e9 else f"{free / 1e6:.0f} MB"
    return rate_space(free, files), size + counted


def _free_files(folder: Path) -> int | None:
    if not hasattr(os, "statvfs"):
        return None
    told = os.statvfs(folder)
    return told.f_favail if told.f_files else None


def _clock(bench: Bench) -> tuple[Result, str]:
    before = bench.means.now_s()
    written = bench.probe.write("clock").stat().st_mtime
    offset = clock_offset_s(before, written, bench.means.now_s())
    return rate_clock(offset), f"{offset:+.1f} s"


def _of_probe(trial: Callable[[Probe], tuple[Result, str]]) -> _Trial:
    return lambda bench: trial(bench.probe)


_ALL = frozenset(Role)
_ARCHIVE = frozenset({Role.ARCHIVE})
_WATCH = frozenset({Role.WATCH})
_TARGETS = frozenset({Role.DONE, Role.ERROR, Role.PENDING})
_SLOW = frozenset({Check.LOCK, Check.CATALOG, Check.EVENTS})
"""These wait for a second process, or for the system."""
_TRIALS: tuple[tuple[Check, frozenset[Role], _Trial], ...] = (
    (Check.LISTING, _WATCH, _listing),
    (Check.FILE_SYNC, _ALL, _file_sync),
    (Check.FOLDER_SYNC, _ALL, _folder_sync),
    (Check.HARD_LINK, _ALL, _hard_link),
    (Check.EXCLUSIVE, _ALL, _exclusive),
    (Check.FOLDER_MOVE, _TARGETS, _folder_move),
    (Check.LOCK, _ARCHIVE, _lock),
    (Check.CATALOG, _ARCHIVE, _catalog),
    (Check.EVENTS, _WATCH, _events),
    (Check.OPEN_FILES, _WATCH, _open_files),
    (Check.READ_ONLY, _ARCHIVE, _read_only),
    (Check.PRIVATE, _ARCHIVE, _private),
    (Check.SPACE, _ALL, _space),
    (Check.CLOCK, _ALL, _clock),
    (Check.LONG_NAMES, _WATCH | _TARGETS, _of_probe(paths.long_names)),
    (Check.LONG_PATHS, _ALL, _of_probe(paths.long_paths)),
    (Check.FOREIGN_NAMES, _WATCH | _TARGETS, _of_probe(paths.foreign_names)),
    (Check.CASE, _ALL, _of_probe(paths.case)),
)
