"""Watch folders and names that change while reports wait: what an archive has in hand is sent once, wherever it lies."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.test_switched_off import RANDOM, TWICE, gone, states
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.service import Service


def swap_names(station: Station) -> None:
    first, second = station.sections
    first["name"], second["name"] = second["name"], first["name"]


def swap_folders(station: Station) -> None:
    first, second = station.sections
    first["watch_folder"], second["watch_folder"] = second["watch_folder"], first["watch_folder"]


def swap_names_and_archives(station: Station) -> None:
    swap_names(station)
    for section, folder in zip(station.sections, ("archive", "archive 2"), strict=True):
        section["archive_folder"] = folder


def rename_folders(station: Station) -> None:
    for section in station.sections:
        now = section["watch_folder"].replace("watch", "now")
        (station.root / section["watch_folder"]).rename(station.root / now)
        section["watch_folder"] = now


def move_the_station(station: Station) -> None:
    """Rename what holds watch folder, Done and the rest, too."""
    for name in ("one", "two"):
        (station.root / name).rename(station.root / f"new-{name}")
    for section in station.sections:
        section["watch_folder"] = f"new-{section['watch_folder']}"


def copy_the_folders(station: Station) -> None:
    """Bring the files to another disk: their times stay, their inodes do not."""
    for section in station.sections:
        watch = station.root / section["watch_folder"]
        now = watch.with_name("copied")
        shutil.copytree(watch, now)
        shutil.rmtree(watch)
        section["watch_folder"] = str(now)


def name_them_through_links(station: Station) -> None:
    for section in station.sections:
        link = station.root / f"link-{section['watch_folder'].replace('/', '-')}"
        link.symlink_to(station.root / section["watch_folder"])
        section["watch_folder"] = str(link)


def rename_folders_and_converters(station: Station) -> None:
    rename_folders(station)
    for section in station.sections:
        section["name"] += " anew"


CHANGES = [
    *(swap_names, swap_folders, swap_names_and_archives),
    *(rename_folders, move_the_station, copy_the_folders, name_them_through_links, rename_folders_and_converters),
]


def two(station: Station, **keys: object) -> None:
    """Have two converters, each with two files; the reports of the first ones wait for the server."""
    station.code(RANDOM)
    for name in ("one", "two"):
        watch = station.add(name, "own.Random", **keys)
        (watch / f"{name}1.log").write_text(name, encoding="utf-8")


def sent(station: Station) -> Counter[str]:
    return Counter(json.loads(body)["sn"] for bodies in station.server.received.values() for body in bodies)


def lying(station: Station) -> list[str]:
    """Return the names of all files that lie anywhere in the station, but for the archives and their like."""
    return sorted(path.name for path in station.root.rglob("*[012].log") if not path.is_symlink())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("while_running", [False, True])
def test_what_waits_for_the_server_is_sent_once(
    station: Station, change: Callable[[Station], None], while_running: bool
) -> None:
    """It lies in a folder with another name, or of another converter: it is known there, and leaves it (invariant 4)."""
    two(station)
    station.server.stop()
    with capture_logs() as logged, station.serving():
        wait_for(lambda: Counter(states(station).values()) == {ArrivalState.WAITING: 2})
        if while_running:
            change(station)
            station.write_config()
            wait_for_event(logged, "config.reloaded")
            go_on(station)
    if not while_running:
        change(station)
        with station.serving():
            go_on(station)
    assert station.run().waiting == ()
    assert sent(station) == {"one1": 1, "two1": 1, "new0": 1, "new1": 1}
    assert all(not list((station.root / section["watch_folder"]).iterdir()) for section in station.sections)
    assert lying(station) == ["new0.log", "new1.log", "one1.log", "two1.log"] and gone(station) == []
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def go_on(station: Station) -> None:
    """Drop a further file into each folder, and start the server once these wait for it, too."""
    for number, section in enumerate(station.sections):
        (station.root / section["watch_folder"] / f"new{number}.log").write_text("x", encoding="utf-8")
    roots = {station.root / section.get("archive_folder", "archive") for section in station.sections}
    wait_for(lambda: sum(waiting(root) for root in roots) == 4)
    station.server.start()
    wait_for(lambda: len(sent(station)) == 4)
    wait_for(lambda: sum(waiting(root) for root in roots) == 0)


def waiting(root: Path) -> int:
    if not (root / "archive.json").exists():
        return 0
    with Archive.open(root) as archive:
        return submissions.waiting_reports(archive)


@pytest.mark.parametrize("change", [rename_folders, name_them_through_links, swap_names, swap_folders])
def test_what_waits_without_an_archive_is_sent_once(station: Station, change: Callable[[Station], None]) -> None:
    """What only memory holds is known by its file when the configuration is read again (invariant 4)."""
    two(station, archive_enabled=False)
    station.server.stop()
    with capture_logs() as logged, station.serving() as service:
        wait_for(lambda: in_memory(service) == 2)
        change(station)
        station.write_config()
        wait_for_event(logged, "config.reloaded")
        for number, section in enumerate(station.sections):
            (station.root / section["watch_folder"] / f"new{number}.log").write_text("x", encoding="utf-8")
        wait_for(lambda: in_memory(service) == 4)
        station.server.start()
        wait_for(lambda: len(lying(station)) == 4 and not unmoved(station))
    assert sent(station) == {"one1": 1, "two1": 1, "new0": 1, "new1": 1}


def unmoved(station: Station) -> list[Path]:
    return [path for section in station.sections for path in (station.root / section["watch_folder"]).iterdir()]


@pytest.mark.parametrize("change", [swap_names, swap_folders, rename_folders, name_them_through_links])
def test_what_was_only_seen_is_taken_by_whom_the_folder_is(station: Station, change: Callable[[Station], None]) -> None:
    """Nothing of it counts as vanished, or waits in the ledger for a converter that does not come (invariant 12)."""
    two(station, min_free_gb=10**6)
    with station.serving():
        wait_for(lambda: Counter(states(station).values()) == {ArrivalState.SEEN: 2})
    change(station)
    for section in station.sections:
        section["min_free_gb"] = 0
    assert station.run().waiting == ()
    assert sent(station) == {"one1": 1, "two1": 1}
    assert {a.state for a in station.arrivals()} <= {ArrivalState.DONE, ArrivalState.SKIPPED}
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_what_is_suspended_is_brought_back_to_where_the_folder_is(station: Station) -> None:
    """It waits in Pending; the watch folder has another name when it is tried again (invariant 12)."""
    station.code(TWICE)
    watch = station.add("c", "own.Twice", max_retries=99)
    with station.serving():
        (watch / "a.log").write_bytes(b"later")
        wait_for(lambda: station.names("c/Pending") == ["a.log"])
    watch.rename(watch.with_name("now"))
    station.sections[0]["watch_folder"] = "c/now"
    (station.root / "ready").touch()
    assert station.run().waiting == ()
    assert station.names("c/Done") == ["a.log"] and len(station.server.received) == 1


@pytest.mark.parametrize("change", [swap_names, swap_folders])
@pytest.mark.parametrize("is_on_its_way_back", [False, True])
def test_what_is_suspended_while_folders_change_hands_goes_once(
    station: Station, change: Callable[[Station], None], is_on_its_way_back: bool
) -> None:
    """The folder's new converter does not take what its former one brings back from Pending (invariants 4 and 12)."""
    station.code(UNTIL_READY.format(ready=str(station.root / "ready")))
    for name in ("one", "two"):
        (station.add(name, "own.UntilReady", max_retries=10_000) / f"{name}1.log").write_text(name, encoding="utf-8")
    with station.serving():
        wait_for(lambda: set(states(station).values()) == {ArrivalState.SUSPENDED})
    if is_on_its_way_back:
        bring_back(station)
    change(station)
    with station.serving():
        wait_for(lambda: all(arrival.attempts > 3 for arrival in station.arrivals()))
        (station.root / "ready").touch()
        wait_for(lambda: len(station.server.received) == 2)
    assert station.run().waiting == ()
    assert sent(station) == {"one1": 1, "two1": 1} and len(station.entries()) == 2
    assert not any(station.names(f"{name}/{folder}") for name in ("one", "two") for folder in ("watch", "Pending"))


UNTIL_READY = """
class UntilReady(Any):
    def outcome(self, source, context):
        if not os.path.exists({ready!r}):
            return ConverterResult.suspended_result("not yet", retry_after=timedelta(seconds=0.1))
        return super().outcome(source, context)
"""


def bring_back(station: Station) -> None:
    """Leave what a kill leaves just after a suspended source came back to its watch folder."""
    with Archive.open(station.archive_root, own=True) as archive:
        for arrival in ledger.unfinished(archive):
            if arrival.moved_to is None:  # the service ended during a retry: it is back already
                continue
            assert arrival.arrival_id
            ledger.set_arrival(archive, arrival.arrival_id, ArrivalState.CONVERTING, moved_to=arrival.moved_to)
            Path(arrival.moved_to).rename(arrival.path)


def in_memory(service: Service) -> int:
    return service.parts.sending.outbox.state.only_in_memory if service.parts else 0


@pytest.mark.parametrize("change", [swap_names, swap_folders])
def test_what_stays_there_is_not_sent_again(station: Station, change: Callable[[Station], None]) -> None:
    """With KEEP a source of the folder's former converter lies there for ever: the new one leaves it alone (invariant 4)."""
    two(station, post_action="keep")
    assert station.run().ended == {"done": 2}
    change(station)
    for _ in range(2):
        station.run()
        assert sent(station) == {"one1": 1, "two1": 1}
    for path in lying(station):
        (station.root / path[:3] / "watch" / path).touch()
    station.run()
    assert sent(station) == {"one1": 1, "two1": 1} and len(station.entries()) == 2
