"""A scheduler of Dask is open to its own certificates alone, and one that is not there is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.certificates import issue
from tests.dask_cluster import Cluster, Running
from tests.plants import FIXED, Plant, plant

from pywats_archive.errors import ArchiveError
from pywats_archive.models.plant.replay import PlantReplayState
from pywats_archive.plant.replaying.engines.scheduler import Scheduler

pytestmark = [pytest.mark.long, pytest.mark.spawned]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path, sources=2) as made:
        yield made


def test_with_tls_only_a_certificate_of_the_own_authority_opens_it(two: Plant, tmp_path: Path) -> None:
    """The workers and the command have one; a stranger's is refused before anything is sent."""
    own, strange = issue(tmp_path / "own"), issue(tmp_path / "strange")
    with Cluster(tmp_path / "cluster", workers=1, tls=own) as cluster:
        address = cluster.address
        with pytest.raises(ArchiveError, match="the scheduler cannot be reached"):
            Running(two, FIXED, scheduler=with_files(address, strange)).result()
        done = Running(two, FIXED, scheduler=with_files(address, own)).result()
    assert (done.replay.state, done.unread) == (PlantReplayState.DONE, ())
    assert done.result.by_comparison == {"changed": 4}


def with_files(address: str, files: tuple[str, str, str]) -> Scheduler:
    ca_file, certificate, key = map(Path, files)
    return Scheduler(address=address, ca_file=ca_file, certificate=certificate, key=key)


def test_a_scheduler_that_is_not_there(two: Plant) -> None:
    """One clear line, and the replay can be resumed."""
    with pytest.raises(ArchiveError, match="the scheduler cannot be reached"):
        Running(two, FIXED, "tcp://127.0.0.1:1").result()
