"""Files as stations make them: of every kind, at every moment, under any clock."""

from __future__ import annotations

import os
import socket
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.restore.source import restore_source
from pywats_archive.models.time import utc_now
from pywats_archive.pipeline import running
from pywats_archive.pipeline.folders.events import FolderEvents
from pywats_archive.pipeline.service import Service, Settings

posix = pytest.mark.skipif(sys.platform == "win32", reason="makes files that only POSIX has")


@posix
def test_what_is_no_file_is_never_opened(station: Station, capfd: pytest.CaptureFixture[str]) -> None:
    """Links, pipes and sockets stay where they are, are logged once, and do not affect other sources."""
    watch = station.add("odd")
    outside = station.root / "outside.log"
    outside.write_bytes(b"not for you")
    (watch / "link.log").symlink_to(outside)
    (watch / "broken.log").symlink_to(station.root / "nowhere")
    (watch / "folder.log").symlink_to(station.root, target_is_directory=True)
    os.mkfifo(watch / "pipe.log")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(watch)  # the path of a socket is short
    try:
        listener.bind("socket.log")
    finally:
        os.chdir(here)
    (watch / "good.log").write_bytes(b"good")
    left = station.run()
    listener.close()
    assert station.names("odd/Done") == ["good.log"]
    assert len(station.entries()) == 1
    told = capfd.readouterr().out
    for name in ("link.log", "broken.log", "folder.log", "pipe.log", "socket.log"):
        assert (watch / name).is_symlink() or (watch / name).exists()
        assert told.count(name) == 1
        assert any(name in line for line in left.waiting)
    assert outside.read_bytes() == b"not for you"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_taken_once_it_may(station: Station) -> None:
    """An unreadable source waits where it is, and goes through once its rights are right."""
    watch = station.add("secret")
    (watch / "a.log").write_bytes(b"a")
    (watch / "a.log").chmod(0)
    left = station.run()
    assert any("a.log" in line for line in left.waiting)
    (watch / "a.log").chmod(0o600)
    station.run()
    assert station.names("secret/Done") == ["a.log"]


def test_a_file_that_is_renamed_into_the_folder_is_taken(station: Station) -> None:
    """Stations write beside the folder and rename: such a file is a source like any other, however old it is."""
    watch = station.add("moved")
    with station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        (station.root / "a.tmp").write_bytes(b"whole")
        os.utime(station.root / "a.tmp", (1, 1))
        (station.root / "a.tmp").rename(watch / "a.log")
        wait_for(lambda: station.names("moved/Done") == ["a.log"])


def test_what_is_appended_while_the_report_waits_is_archived_too(station: Station) -> None:
    """A source that grew after its conversion is another arrival: both forms are archived, and the last one leaves."""
    watch = station.add("grown")
    station.server.stop()
    (watch / "a.log").write_bytes(b"first")
    with station.serving():
        wait_for(lambda: station.entries() and station.details().reports)
        with (watch / "a.log").open("ab") as stream:
            stream.write(b", and more")
        station.server.start()
        wait_for(lambda: station.names("grown/Done") and not station.names("grown/watch"))
    with station.archive() as archive:
        restored = [restore_source(archive, e.archive_id, station.root / "back") for e in station.entries()]
    assert [path.read_bytes() for path in restored] == [b"first", b"first, and more"]


def test_a_file_that_is_written_for_long_is_taken_when_it_is_whole(station: Station) -> None:
    """While a writer keeps its file open and writes now and then, nobody takes it."""
    watch = station.add("slow", settle_seconds=1)
    done = threading.Event()

    def write() -> None:
        with (watch / "a.log").open("wb", buffering=0) as stream:
            for number in range(12):
                stream.write(b"%d," % number)
                done.wait(0.4)

    with station.serving():
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        wait_for(lambda: station.names("slow/Done") == ["a.log"])
    assert (station.root / "slow/Done/a.log").read_bytes() == b"".join(b"%d," % n for n in range(12))
    assert len(station.entries()) == 1


def test_a_share_without_events_is_listed(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no event comes, or the queue of events ran over, the listing finds what is there."""
    monkeypatch.setattr(FolderEvents, "_listen", lambda *unused: None)
    monkeypatch.setattr(running, "RESCAN_S", 1.0)
    watch = station.add("silent")
    with station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: station.names("silent/Done") == ["a.log"])


def states(station: Station, name: str) -> list[str]:
    """Return the states of the arrivals of a file."""
    return [arrival.state.value for arrival in station.arrivals() if arrival.path.endswith(name)]


def test_a_clock_that_jumps_back_an_hour_stops_nothing(station: Station) -> None:
    """Ids stay unique, what was suspended and what waits for the server goes on in its time, not an hour later."""
    station.code(
        "class Shy(Any):\n"
        "    def outcome(self, source, context):\n"
        "        if (source.path.parent.parent / 'come').exists():\n"
        "            return super().outcome(source, context)\n"
        "        return ConverterResult.suspended_result('shy', retry_after=timedelta(seconds=1))\n"
    )
    shy = station.add("shy", "own.Shy", max_retries=100)
    plain = station.add("plain")
    back = timedelta()

    def clock() -> datetime:
        return utc_now() - back

    running = Service(Settings(config_path=station.write_config(), processes=1, clock=clock))
    thread = threading.Thread(target=running.run)
    station.server.stop()
    thread.start()
    try:
        (shy / "s.log").write_bytes(b"s")
        (plain / "a.log").write_bytes(b"a")
        wait_for(lambda: states(station, "s.log") == ["suspended"])
        wait_for(lambda: states(station, "a.log") == ["waiting for the server"])
        back = timedelta(hours=1)
        (station.root / "shy" / "come").touch()
        (plain / "b.log").write_bytes(b"b")
        station.server.start()
        wait_for(lambda: station.names("plain/Done") == ["a.log", "b.log"])
        wait_for(lambda: station.names("shy/Done") == ["s.log"])
    finally:
        running.stop()
        thread.join()
    assert len({entry.archive_id for entry in station.entries()}) == 3
