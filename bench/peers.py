"""(a) Files that wait, archived in groups, against the plain durable loop, single archiving, restic and borg."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.material import csv
from bench.plain import durable_write
from bench.sources import FILES, drop
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import batch, ingest
from pywats_archive.archive.sources.draft import NewSource
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.pipeline.processing import groups

_ROUNDS, _THREADS = 5, 16
_LIVE_EVERY_S = 0.01
_BUSY_LEVEL = 1
"""What the service uses while files wait (``BUSY_LEVEL`` of the interceptor)."""
_SECRET: Mapping[str, str] = {"RESTIC_PASSWORD": "bench", "BORG_PASSPHRASE": "bench"}


def in_groups(board: Board) -> None:
    """(a) Archive 1,000 files of 10 KB in groups, one after the other, and compare with others on the same files."""
    rounds = [_round(number) for number in range(_ROUNDS)]
    bounds = {"a plain durable loop, one file at a time": ">= 0.8", "restic": ">= 2.0", "borg": ">= 2.0"}
    for name in rounds[0].seconds:
        if name == _OURS:
            continue
        pairs = [(each.seconds[name], each.seconds[_OURS]) for each in rounds]
        last = rounds[-1].seconds
        details = {"groups_per_s": round(FILES / last[_OURS]), "other_per_s": round(FILES / last[name])}
        board.add(
            Figure(
                figure="a",
                name=f"rate of groups over that of {name}",
                ratio=median_ratio(pairs),
                bound=bounds.get(name),
                details=details,
            )
        )
    for name in ("restic", "borg"):
        if name not in rounds[0].seconds:
            print(f"(a) {name} is not installed; not compared", flush=True)


_OURS = "groups"


class _Round:
    """The seconds that each way takes for the same files."""

    def __init__(self, base: Path, paths: Sequence[Path]) -> None:
        self.seconds: dict[str, float] = {}
        self._base = base
        self._paths = paths

    def measure(self) -> None:
        blobs = self._groups()
        plain = self._base / "plain"
        for name, threads in (("a plain durable loop, one file at a time", 1), ("one with 16 threads", _THREADS)):
            place = plain / str(threads)
            place.mkdir(parents=True)
            with ThreadPoolExecutor(threads) as pool:
                write = _writer(place, blobs)
                self.seconds[name] = timed(lambda pool=pool, write=write: list(pool.map(write, range(FILES))))  # type: ignore[misc]
        self.seconds["single archiving with 16 threads"] = self._single()
        self._peers()

    def _groups(self) -> list[bytes]:
        made: list[str] = []
        with Archive.open(self._base / "groups", create=True, own=True) as archive:

            def archive_all() -> None:
                for group in _grouped(self._paths):
                    made.extend(_archive(archive, group))

            self.seconds[_OURS] = timed(archive_all)
            return [(archive.root / path).read_bytes() for path in made]

    def _single(self) -> float:
        with (
            Archive.open(self._base / "single", create=True, own=True) as archive,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            take = _single(archive)
            return timed(lambda: list(pool.map(take, self._paths)))

    def _peers(self) -> None:
        repository, watch = str(self._base / "repository"), str(self._base / "watch")
        commands = {
            "restic": (
                ["restic", "-r", f"{repository}-r", "init"],
                ["restic", "-r", f"{repository}-r", "backup", watch],
            ),
            "borg": (
                ["borg", "init", "-e", "repokey", f"{repository}-b"],
                ["borg", "create", f"{repository}-b::one", watch],
            ),
        }
        for name, (init, backup) in commands.items():
            if shutil.which(name):
                _run(init)
                self.seconds[name] = timed(lambda backup=backup: _run(backup))  # type: ignore[misc]


def _round(seed: int) -> _Round:
    with folder() as base:
        made = _Round(base, drop(base / "watch", 1000 + seed))
        made.measure()
        return made


def _run(command: Sequence[str]) -> None:
    """Run a peer, with a home of its own."""
    with folder() as home:
        environment = {**os.environ, **_SECRET, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
        subprocess.run(command, check=True, capture_output=True, env=environment)


def _writer(place: Path, blobs: Sequence[bytes]) -> Callable[[int], None]:
    return lambda number: durable_write(place, str(number), blobs[number])


def _grouped(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[first : first + groups.MOST] for first in range(0, len(paths), groups.MOST)]


def _archive(archive: Archive, group: Sequence[Path]) -> list[str]:
    """Archive a group as the service does: what is not archived together is archived alone."""
    sources = [_new(path) for path in group]
    outcomes = batch.archive_several(archive, sources)
    entries = [
        outcome if isinstance(outcome, ArchiveEntry) else ingest.archive_source(archive, source)
        for source, outcome in zip(sources, outcomes, strict=True)
    ]
    return [entry.source_archived_path for entry in entries]


def _single(archive: Archive) -> Callable[[Path], ArchiveEntry]:
    return lambda path: ingest.archive_source(archive, _new(path))


def _new(path: Path) -> NewSource:
    return NewSource(path=path, converter_name="c", compression_level=_BUSY_LEVEL)


def live_beside_a_burst(board: Board) -> None:
    """(a) How long a live file takes to be archived while a burst of 1,000 is, in groups over singly."""
    with_groups, singly = [], []
    for seed in range(_ROUNDS):
        singly += _delays(seed, in_groups=False)
        with_groups += _delays(seed + _ROUNDS, in_groups=True)
    for name, part in (("median", 50), ("99th percentile", 99)):
        ours, theirs = (statistics.quantiles(each, n=100)[part - 1] for each in (with_groups, singly))
        details = {"groups_ms": round(ours * 1e3, 1), "single_ms": round(theirs * 1e3, 1), "files": len(with_groups)}
        title = f"{name} of a live file's delay under a burst, groups over single"
        board.add(Figure(figure="a", name=title, ratio=ours / theirs, bound="<= 1.0", details=details))


def _delays(seed: int, *, in_groups: bool) -> list[float]:
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        burst = drop(base / "watch", 2000 + 2 * seed)
        ended, take, delays = threading.Event(), _single(archive), list[float]()

        def archive_burst() -> None:
            with ThreadPoolExecutor(
                1 if in_groups else 6
            ) as pool:  # the service: one group, or as many files as threads
                if in_groups:
                    list(pool.map(lambda group: _archive(archive, group), _grouped(burst)))
                else:
                    list(pool.map(take, burst))
            ended.set()

        thread = threading.Thread(target=archive_burst)
        thread.start()
        for number in range(FILES):
            if ended.is_set():
                break
            path = base / f"{number}.csv"
            path.write_bytes(csv(10_000, (2001 + 2 * seed) * FILES + number))
            began_s = time.perf_counter()
            take(path)
            delays.append(time.perf_counter() - began_s)
            time.sleep(_LIVE_EVERY_S)
        thread.join()
    return delays
