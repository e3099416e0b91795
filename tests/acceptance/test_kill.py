"""The service is killed at random moments; nothing is lost, nothing is sent under two ids."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

import pytest
from tests.command import command, started
from tests.station import Station

from pywats_archive.archive.restore.source import restore_source


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_every_source_ends_once(station: Station, seed: int) -> None:
    """After kills and restarts every file is in Done once and in the archive once, each report under one id (invariant 5)."""
    rng = random.Random(seed)
    watch = station.add("killed")
    for number in range(40):
        (watch / f"SN{number}.log").write_bytes(rng.randbytes(rng.randrange(20_000)))
    contents = Counter(path.read_bytes() for path in watch.iterdir())
    words = ("run", "--config", station.write_config(), "--until-idle", "--processes", "1")
    for _ in range(6):
        service = started(*words)
        time.sleep(rng.uniform(0.1, 1.5))
        service.kill()
        service.wait()
    assert command(*words).returncode == 0
    done = station.root / "killed" / "Done"
    assert Counter(path.read_bytes() for path in done.iterdir()) == contents
    assert station.names("killed/watch") == []
    entries = station.entries()
    assert len(entries) == 40
    with station.archive() as archive:
        back = [restore_source(archive, e.archive_id, station.root / "back").read_bytes() for e in entries]
        ids = {e.archive_id: {r.report_id for r in archive.reports_of(e.archive_id)} for e in entries}
    assert Counter(back) == contents
    assert all(len(each) == 1 for each in ids.values())
    assert set(station.server.received) == {report_id for each in ids.values() for report_id in each}
