"""A replay on real workers of Dask, two processes on loopback: whatever ends, each entry counts once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.certificates import issue
from tests.dask_cluster import Cluster, kill
from tests.plants import FIXED, Plant, plant
from tests.station import wait_for

from pywats_archive.errors import ArchiveError
from pywats_archive.models.plant.replay import PlantReplayResult, PlantReplayState
from pywats_archive.plant.replaying.engines.scheduler import Scheduler
from pywats_archive.plant.replaying.records import results

pytestmark = [pytest.mark.long, pytest.mark.spawned]
SLOW = FIXED.replace("        found = report", "        time.sleep(0.4)\n        found = report")
FAULTY = FIXED.replace(
    "        found = report",
    """        stem = source.path.stem
        if stem.endswith("1"):
            time.sleep(1000)
        if stem.endswith("2"):
            import ctypes; ctypes.string_at(0)
        if stem.endswith("3"):
            b"x" * 2_000_000_000
        found = report""",
)


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path, sources=12, timeout_seconds=5, memory_limit_mb=600) as made:
        yield made


class Running(threading.Thread):
    """A replay in a thread."""

    def __init__(self, made: Plant, candidate: str, address: str = "", scheduler: Scheduler | None = None) -> None:
        super().__init__(daemon=True)
        self.replay = made.replays.plan("ict", converter_file=made.candidate(candidate))
        self.done: PlantReplayResult | None = None
        self.error: Exception | None = None
        self.seen: list[tuple[int, int]] = []
        self._made = made
        self._scheduler = scheduler or Scheduler(address=address)
        self.start()

    def run(self) -> None:
        try:
            self.done = self._made.replays.resume(
                self.replay.run, scheduler=self._scheduler, on_progress=lambda *each: self.seen.append(each)
            )
        except Exception as exc:
            self.error = exc

    def result(self) -> PlantReplayResult:
        self.join(240)
        if self.error:
            raise self.error
        assert self.done is not None, "it does not end"
        return self.done


def require_each_once(made: Plant, done: PlantReplayResult, wanted: dict[str, int]) -> None:
    """Each entry of both stations has exactly one outcome."""
    found = Counter[tuple[str, str]]()
    for segment in results.stored(made.vault, done.replay.run):
        found.update((segment.archive_uuid, item.archive_id) for item in segment.items)
    assert len(found) == 24 and set(found.values()) == {1}
    assert (done.replay.state, done.unread, done.result.by_comparison) == (PlantReplayState.DONE, (), wanted)


def test_faulty_converters_fail_their_own_entries_on_workers(many: Plant, tmp_path: Path) -> None:
    """One that hangs, crashes or eats memory; progress is seen, and ends with all."""
    with Cluster(tmp_path / "cluster") as cluster:
        running = Running(many, FAULTY, cluster.address)
        done = running.result()
        logs = cluster.logs()
    # SN*0001, 0002, 0003, 0011 of each station
    require_each_once(many, done, {"newly_failing": 8, "changed": 16})
    errors = Counter(error.partition(" (")[0].partition(";")[0] for _, error in done.result.errors)
    assert errors == {
        "the converter ran longer than 5 s and was ended": 4,
        "the converter's process ended by itself": 2,
        "the converter exceeded its memory limit": 2,
    }
    assert running.seen[-1] == (24, 24) and running.seen == sorted(running.seen) and len(running.seen) > 3
    assert logs.count("replay.worker_ready") == 2


def test_a_worker_and_the_scheduler_are_killed(many: Plant, tmp_path: Path) -> None:
    """What was going on runs again on whatever comes back; nothing counts twice."""
    with Cluster(tmp_path / "cluster") as cluster:
        running = Running(many, SLOW, cluster.address)
        wait_for(lambda: len(running.seen) > 1)
        kill(cluster.workers[0])
        wait_for(lambda: len(running.seen) > 3)
        kill(cluster.scheduler)
        cluster.start_scheduler()
        cluster.workers.append(cluster.start_worker())
        done = running.result()
    require_each_once(many, done, {"changed": 24})


def test_it_is_cancelled_from_elsewhere(many: Plant, tmp_path: Path) -> None:
    """The running command ends, and what was not replayed has no result."""
    with Cluster(tmp_path / "cluster", workers=1) as cluster:
        running = Running(many, SLOW, cluster.address)
        wait_for(lambda: len(running.seen) > 1)
        many.replays.cancel(running.replay.run)
        done = running.result()
    assert done.replay.state is PlantReplayState.CANCELLED
    assert 0 < done.result.processed < 24


def test_with_tls_only_a_certificate_of_the_own_authority_opens_it(many: Plant, tmp_path: Path) -> None:
    """The workers and the command have one; a stranger's is refused before anything is sent."""
    own, strange = issue(tmp_path / "own"), issue(tmp_path / "strange")
    with Cluster(tmp_path / "cluster", workers=1, tls=own) as cluster:
        address = cluster.address
        with pytest.raises(ArchiveError, match="the scheduler cannot be reached"):
            Running(many, FIXED, scheduler=with_files(address, strange)).result()
        done = Running(many, FIXED, scheduler=with_files(address, own)).result()
    require_each_once(many, done, {"changed": 24})


def with_files(address: str, files: tuple[str, str, str]) -> Scheduler:
    ca_file, certificate, key = map(Path, files)
    return Scheduler(address=address, ca_file=ca_file, certificate=certificate, key=key)


def test_a_scheduler_that_is_not_there(many: Plant) -> None:
    """One clear line, and the replay can be resumed."""
    with pytest.raises(ArchiveError, match="the scheduler cannot be reached"):
        Running(many, FIXED, "tcp://127.0.0.1:1").result()
