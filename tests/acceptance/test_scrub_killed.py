"""A service is killed while it reads its archive back; the next one goes on where the record ends."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.catalog import events
from pywats_archive.models.event import Event
from pywats_archive.models.time import utc_now

NUMBER, DAMAGED = 12, 3
BLOB_BYTES, RATE_MB_S = 100_000, 0.2
"""Half a second for each blob."""
RECORDING_LATE = """
from pywats_archive.__main__ import main
from pywats_archive.integrity import scrub
scrub._COMMIT_S = 600.0
main()
"""
"""The command; after the ten seconds of the product, a busy machine may not have killed it yet."""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_a_scrub_goes_on_after_a_kill(station: Station) -> None:
    """Killed amid a scrub, what is on record is not read again and all else is, each blob is counted once, and one that was
    read, not recorded, and spoiled since is found (invariant 5)."""
    station.add("old", verify_interval_days=30, verify_rate_mb_s=RATE_MB_S)
    ids, sizes = archive_long_ago(station)
    spoil(station, DAMAGED)  # what is found is recorded at once, and with it what was read before
    with killed_in_the_end(station):
        wait_for(lambda: len(checks(station)) > DAMAGED)
        time.sleep(1.5)  # three more are read, and not recorded
    before = checks(station)
    assert list(before) == ids[: DAMAGED + 1]
    spoil(station, DAMAGED + 1)
    restarted_at = utc_now()
    with killed_in_the_end(station):
        wait_for(lambda: len(checks(station)) == NUMBER)
    after = checks(station)
    assert {name: after[name] for name in before} == before
    assert all(at > restarted_at for name, at in after.items() if name not in before)
    assert [event.archive_id for event in told(station, "integrity.found")] == ids[DAMAGED : DAMAGED + 2]
    (round_,) = told(station, "integrity.checked")
    expected = {"blobs": NUMBER, "problems": 2, "read_bytes": sum(sizes), "up_to": ids[-1]}
    assert {key: round_.details[key] for key in expected} == expected
    for number in (DAMAGED, DAMAGED + 1):  # the fixture checks the archive in the end
        spoil(station, number)


def archive_long_ago(station: Station) -> tuple[list[str], list[int]]:
    """Archive sources sixty days ago, so that all are due; returns their ids and the sizes of their blobs."""
    rng, now = random.Random(5), utc_now() - timedelta(days=60)
    made = []
    with Archive.open(station.archive_root, create=True, own=True, clock=lambda: now) as archive:
        for number in range(NUMBER):
            path = station.root / f"{number}.log"
            path.write_bytes(rng.randbytes(BLOB_BYTES))
            made.append(ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C")))
            now += timedelta(seconds=1)
    return [entry.archive_id for entry in made], [entry.compressed_size_bytes for entry in made]


def spoil(station: Station, number: int) -> None:
    """Change one bit of a blob; the second time it is sound again."""
    blob = station.archive_root / station.entries()[number].source_archived_path
    whole = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    blob.chmod(0o400)


@contextmanager
def killed_in_the_end(station: Station) -> Iterator[None]:
    """Run the service in a process of its own, which ends by SIGKILL."""
    command = [sys.executable, "-c", RECORDING_LATE, "run", "--config", str(station.write_config()), "--processes", "1"]
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(service.pid, 9)
        service.wait()


def checks(station: Station) -> dict[str, datetime]:
    """Return when each entry was last read back, of those that were, in the order of ids."""
    return {entry.archive_id: entry.verified_at for entry in station.entries() if entry.verified_at}


def told(station: Station, kind: str) -> list[Event]:
    """Return the events of one kind."""
    with station.archive() as archive, archive.read() as db:
        return [event for event in events.iterate(db) if event.kind == kind]
