"""A replay on a scheduler of Dask and two workers, each a process of its own: whatever is killed, each entry counts once.

``make replays ENTRIES=2000`` does this with as many entries, and prints how long each part takes.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.command import command
from tests.dask_cluster import Cluster, Running, kill
from tests.patience import PATIENCE_S
from tests.plants import Plant, plant
from tests.station import wait_for
from tests.timing import Timed

from pywats_archive.demo.logfiles import sized
from pywats_archive.models.plant.replay import PlantReplayResult, PlantReplayState
from pywats_archive.plant.replaying.records import results

ENTRIES = int(os.environ.get("ENTRIES", "24"))
_OF_STATION, _EVERY, _LIMIT_S = ENTRIES // 2, 250, 20
_PLACES = min(_OF_STATION, _EVERY)
_A_SEGMENT = max(2, ENTRIES // 80) * 5_000
_SPEA = "pywats_client.converters.standard.spea_converter"
_FIXED = f"""
import ctypes, os, time
from {_SPEA} import SPEAConverter

class Fixed(SPEAConverter):
    def convert(self, source, context):
        number = int(source.path.stem[3:])
        self.before(source, number, number % {_EVERY})
        return super().convert(source, context)
"""
FAULTY = f"""{_FIXED}
    def before(self, source, number, place):
        if place == 1:
            os._exit(3)
        if place == 2:
            ctypes.string_at(0)
        if place == 3:
            b"x" * 2_000_000_000
        if place == {_PLACES - 1} and source.path.stem.startswith("SN1"):
            time.sleep(1000)
"""
GATED = f"""{_FIXED}
    def before(self, source, number, place):
        with open(GATE + ".begun", "ab") as begun:
            begun.write(b"x")
        while os.path.getsize(GATE + ".begun") > {ENTRIES // 3} and not os.path.exists(GATE):
            time.sleep(0.05)
"""
ERRORS = (
    "the converter's process ended by itself (exit code 3)",
    "the converter's process ended by itself (signal 11)",
    "the converter exceeded its memory limit",
    f"the converter ran longer than {_LIMIT_S} s and was ended",
)


@pytest.mark.long
@pytest.mark.spawned
@pytest.mark.timeout(1800)
def test_each_entry_counts_once_whatever_is_killed(tmp_path: Path, timed: Timed) -> None:
    """A worker and the scheduler are killed, and converters exit, crash, eat memory and hang: only their own entries fail."""
    with made_plant(tmp_path, timed) as made, Cluster(tmp_path / "cluster") as cluster:
        with timed("replayed"):
            running, seen = Running(made, FAULTY, cluster.address), [0]
            seen.append(shown(running, made, above=seen[-1]))
            kill(cluster.workers[0])
            cluster.workers.append(cluster.start_worker())
            seen.append(shown(running, made, above=seen[-1]))
            kill(cluster.scheduler)
            cluster.start_scheduler()
            done = running.result(PATIENCE_S + ENTRIES)
        require_each_once(made, done)
        assert 0 < seen[1] < ENTRIES and seen[1] <= seen[2], seen
        assert running.seen[-1] == (ENTRIES, ENTRIES) and running.seen == sorted(running.seen)
        with timed("cancelled"):
            require_cancelled(made, cluster, tmp_path / "gate")


@contextmanager
def made_plant(folder: Path, timed: Timed) -> Iterator[Plant]:
    """Two stations with logs of SPEA in the vault."""
    rng = random.Random(1)

    def log(unit: str, number: int) -> tuple[str, bytes]:
        return f"{unit}.csv", sized.spea(rng, serial=unit, size_bytes=3_000)

    limits = {"timeout_seconds": _LIMIT_S, "memory_limit_mb": 600}
    module_path = f"{_SPEA}.SPEAConverter"
    with ExitStack() as stack:
        with timed("converted at the stations, and in the vault"):
            made = stack.enter_context(
                plant(
                    folder,
                    sources=_OF_STATION,
                    source=log,
                    module_path=module_path,
                    limit_bytes=_A_SEGMENT,
                    **limits,
                )
            )
        yield made


def shown(running: Running, made: Plant, *, above: int) -> int:
    """The number of entries that ``plant replay show`` has; waits until it is more, or all."""

    def entries() -> int:
        words = ("plant", "replay", "show", running.replay.run, "--json", "--vault", made.vault.url)
        number = int(json.loads(command(*words).stdout)["result"]["processed"])
        return number if number > above or not running.is_alive() else 0

    return int(wait_for(entries))


def require_each_once(made: Plant, done: PlantReplayResult) -> None:
    """Each entry of both stations has exactly one outcome."""
    found = Counter[tuple[str, str]]()
    for segment in results.stored(made.vault, done.replay.run):
        found.update((segment.archive_uuid, item.archive_id) for item in segment.items)
    assert len(found) == ENTRIES and set(found.values()) == {1}
    times = _OF_STATION // _PLACES
    wanted = {ERRORS[0]: 2 * times, ERRORS[1]: 2 * times, ERRORS[2]: 2 * times, ERRORS[3]: times}
    assert (done.replay.state, done.unread) == (PlantReplayState.DONE, ())
    assert done.result.by_comparison == {"newly_failing": 7 * times, "same": ENTRIES - 7 * times}
    assert Counter(error.partition(";")[0] for _, error in done.result.errors) == wanted


def require_cancelled(made: Plant, cluster: Cluster, gate: Path) -> None:
    """A replay ends that is cancelled from elsewhere; what was not replayed has no result."""
    running = Running(made, f"GATE = {str(gate)!r}{GATED}", cluster.address)
    wait_for(lambda: running.seen[-1:] > [(0, ENTRIES)])
    cancelled = command("plant", "replay", "cancel", running.replay.run, "--vault", made.vault.url)
    assert cancelled.returncode == 0, cancelled.stderr
    gate.touch()
    done = running.result()
    assert done.replay.state is PlantReplayState.CANCELLED
    assert 0 < done.result.processed < ENTRIES
