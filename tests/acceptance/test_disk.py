"""Disks that run full: nothing is lost, and all goes on by itself once there is room."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.disk import Disk, small_disk
from tests.station import Station, check_sound, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.catalog import events

MB = 1 << 20


@pytest.fixture
def disk(station: Station) -> Iterator[Disk]:
    """A disk of 40 MB that the station's archive lies on; the archive is checked in the end."""
    with small_disk(station.root / "disk") as made:
        station.archive_root = made.mount_point / "archive"
        yield made
        made.mount_point.joinpath("ballast").unlink(missing_ok=True)
        check_sound(station.archive_root)


def alerts(root: Path) -> list[tuple[str, str]]:
    """Return the alerts in an archive's history."""
    with Archive.open(root) as archive, archive.read() as db:
        told = [event for event in events.iterate(db) if event.kind.startswith("alert.")]
        return [(event.kind.removeprefix("alert."), event.details["alert"]) for event in told]


def drop(watch: Path, name: str, size_bytes: int = 500_000) -> bytes:
    """Drop a file that does not compress."""
    content = random.Random(name).randbytes(size_bytes)
    (watch / name).write_bytes(content)
    return content


def restored(station: Station) -> dict[str, bytes]:
    """Return the content of everything in the archive, restored, by name."""
    with station.archive() as archive:
        paths = [restore_source(archive, e.archive_id, station.root / "back") for e in station.entries()]
    return {path.name: path.read_bytes() for path in paths}


def test_a_low_disk_holds_new_sources_and_lets_reports_in(station: Station, disk: Disk) -> None:
    """Below ``min_free_gb`` a new source waits, one that is archived ends, and all goes on once there is room (11)."""
    station.code(
        "class Slow(Any):\n"
        "    def outcome(self, source, context):\n"
        "        while not os.path.exists(os.path.join(os.path.dirname(source.path), '..', 'go')): time.sleep(0.05)\n"
        "        return super().outcome(source, context)\n"
    )
    slow = station.add("slow", "own.Slow", archive_folder="disk/archive", min_free_gb=0)
    watch = station.add("low", archive_folder="disk/archive", min_free_gb=0.012)
    with station.serving():
        wait_for((station.archive_root / "reserve").exists)
        drop(slow, "begun.log")
        wait_for(lambda: len(station.entries()) == 1)
        disk.fill(leave_bytes=8 * MB)
        wait_for(lambda: alerts(station.archive_root) == [("raised", "disk.low")])
        dropped = {f"{n}.log": drop(watch, f"{n}.log") for n in range(5)}
        (station.root / "slow" / "go").touch()
        wait_for(lambda: station.names("slow/Done") == ["begun.log"])
        time.sleep(1.5)
        assert station.names("low/watch") == sorted(dropped) and len(station.entries()) == 1
        disk.free()
        wait_for(lambda: station.names("low/Done") == sorted(dropped))
        wait_for(lambda: alerts(station.archive_root)[1:] == [("cleared", "disk.low")])
    assert restored(station).items() >= dropped.items()
    assert len(station.server.received) == 6


def test_what_is_being_converted_when_there_is_room_again_is_converted_once(station: Station, disk: Disk) -> None:
    """A disk that was low and is not does not take up what is being taken through (invariant 5)."""
    station.code(
        "class Slow(Any):\n"
        "    def outcome(self, source, context):\n"
        "        while not os.path.exists(os.path.join(os.path.dirname(source.path), '..', 'go')): time.sleep(0.05)\n"
        "        return super().outcome(source, context)\n"
    )
    slow = station.add("slow", "own.Slow", archive_folder="disk/archive", min_free_gb=0.012)
    with station.serving():
        wait_for((station.archive_root / "reserve").exists)
        drop(slow, "begun.log")
        wait_for(lambda: len(station.entries()) == 1)
        disk.fill(leave_bytes=8 * MB)
        wait_for(lambda: alerts(station.archive_root) == [("raised", "disk.low")])
        disk.free()
        wait_for(lambda: alerts(station.archive_root)[1:] == [("cleared", "disk.low")])
        time.sleep(1)
        (station.root / "slow" / "go").touch()
        wait_for(lambda: station.names("slow/Done") == ["begun.log"])
        time.sleep(1)
    assert len(station.details().conversions) == 1 and len(station.server.received) == 1


def test_a_low_disk_is_told_at_the_end_of_a_run(station: Station, disk: Disk) -> None:
    """A run until idle ends while the disk is low, says what waits and what to do, and goes on the next time (11)."""
    watch = station.add("low", archive_folder="disk/archive")
    assert station.run().waiting == ()
    disk.fill(leave_bytes=MB)
    drop(watch, "a.log")
    (told,) = station.run().waiting
    assert "low: 1 source(s) wait" in told and "min_free_gb (0.002)" in told and "until 0.002" in told
    assert station.names("low/watch") == ["a.log"]
    disk.free()
    assert station.run().waiting == () and station.names("low/Done") == ["a.log"]


def test_a_low_disk_is_caught_up_with(station: Station, disk: Disk) -> None:
    """With ``on_archive_error`` continue a source is converted on a low disk, and archived once there is room (11)."""
    watch = station.add("on", archive_folder="disk/archive", on_archive_error="continue", post_action="delete")
    station.run()
    disk.fill(leave_bytes=MB)
    with station.serving():
        content = drop(watch, "a.log")
        wait_for(lambda: list((station.root / "on/Done/not-archived").glob("*/source/a.log")))
        time.sleep(1.5)
        assert station.entries() == () and len(station.server.received) == 1
        disk.free()
        wait_for(lambda: station.names("on/Done") == ["a.log", "not-archived"])
    assert restored(station) == {"a.log": content} and len(station.server.received) == 1
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_what_is_owed_is_not_called_vanished_after_a_restart(station: Station, disk: Disk) -> None:
    """A source that was converted and put aside on a low disk is accounted for once, restarts or not (invariant 12)."""
    watch = station.add("on", archive_folder="disk/archive", on_archive_error="continue")
    station.run()
    disk.fill(leave_bytes=MB)
    drop(watch, "a.log")
    for _ in range(2):
        assert any("1 source(s) wait to be archived" in told for told in station.run().waiting)
    disk.free()
    assert station.run().waiting == ()
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_a_full_disk_loses_nothing(station: Station, disk: Disk) -> None:
    """On a disk without any room all sources wait; once it is freed they come through, bit for bit (invariants 1, 5, 11)."""
    watch = station.add("full", archive_folder="disk/archive", min_free_gb=0)
    with station.serving():
        wait_for((station.archive_root / "reserve").exists)
        disk.fill(leave_bytes=2 * MB)
        dropped = {f"{n}.log": drop(watch, f"{n}.log") for n in range(12)}
        wait_for(lambda: ("raised", "disk.full") in alerts(station.archive_root))
        assert not (station.archive_root / "reserve").exists()
        disk.fill()
        dropped |= {f"more{n}.log": drop(watch, f"more{n}.log", 100) for n in range(3)}
        time.sleep(2)
        disk.free()
        wait_for(lambda: station.names("full/Done") == sorted(dropped))
        wait_for(lambda: ("cleared", "disk.full") in alerts(station.archive_root))
        assert (station.archive_root / "reserve").exists()
    assert restored(station) == dropped
    assert len(station.server.received) == len(dropped)


def test_an_archive_that_fails_is_one_alert(station: Station) -> None:
    """Sources that cannot be archived raise one alert, which is cleared once all of them are (invariant 11)."""
    watch = station.add("failing")
    station.run()
    (station.archive_root / "sources").write_bytes(b"in the way")
    with station.serving():
        for number in range(3):
            drop(watch, f"{number}.log", 10)
        wait_for(lambda: alerts(station.archive_root))
        time.sleep(1)
        (station.archive_root / "sources").unlink()
        wait_for(lambda: len(station.names("failing/Done")) == 3)
        wait_for(lambda: len(alerts(station.archive_root)) == 2)
    assert alerts(station.archive_root) == [("raised", "archive.failing"), ("cleared", "archive.failing")]


def test_a_restart_on_a_full_disk_waits(station: Station, disk: Disk) -> None:
    """A service that is started on a full disk waits until there is room, and then goes on (invariants 5, 11)."""
    watch = station.add("full", archive_folder="disk/archive", min_free_gb=0)
    station.run()
    disk.fill()
    with station.serving():
        content = drop(watch, "a.log")
        time.sleep(2)
        assert station.names("full/watch") == ["a.log"]
        disk.free()
        wait_for(lambda: station.names("full/Done") == ["a.log"])
    assert restored(station) == {"a.log": content}
