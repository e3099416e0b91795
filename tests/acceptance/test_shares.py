"""Disks and shares that disappear and return, with an archive or a watch folder on them, while the service runs and not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.disk import share
from tests.station import FOLDERS, Station, check_sound, wait_for, wait_for_event

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.catalog import events
from pywats_archive.errors import ArchiveInUse
from pywats_archive.models.arrival import ArrivalState


@contextmanager
def logged() -> Iterator[list[Any]]:
    """Return the alerts that are raised and cleared meanwhile, in order."""
    with capture_logs() as lines:
        yield lines


def alerts(lines: list[Any]) -> list[tuple[str, str]]:
    """Return what was raised and cleared, in order."""
    return [(line["event"].removeprefix("alert."), line["alert"]) for line in lines if "alert" in line]


def restored(root: Path, to: Path) -> dict[str, bytes]:
    """Return the content of everything in an archive, restored, by name."""
    with Archive.open(root) as archive, archive.read() as db:
        ids = [e.archive_id for e in events.iterate(db) if e.kind == "source.archived"]
        paths = [restore_source(archive, str(archive_id), to) for archive_id in ids]
    return {path.name: path.read_bytes() for path in paths}


def test_an_archive_that_is_away_is_waited_for(station: Station) -> None:
    """While an archive is away its sources wait, others go on; when it is back all goes on by itself (invariants 1, 11)."""
    watch, others = station.add("one"), station.add("other", archive_folder="another")
    elsewhere = station.root / "elsewhere"
    with logged() as lines, station.serving():
        (watch / "before.log").write_bytes(b"before")
        wait_for(lambda: station.names("one/Done") == ["before.log"])
        station.archive_root.rename(elsewhere)
        wait_for(lambda: ("raised", "archive.away") in alerts(lines))
        (watch / "a.log").write_bytes(b"held")
        (others / "b.log").write_bytes(b"goes on")
        wait_for(lambda: station.names("other/Done") == ["b.log"])
        time.sleep(1.5)
        assert station.names("one/watch") == ["a.log"] and not station.archive_root.exists()
        elsewhere.rename(station.archive_root)
        wait_for(lambda: station.names("one/Done") == ["a.log", "before.log"])
        with pytest.raises(ArchiveInUse):
            Archive.open(station.archive_root, own=True)
    assert alerts(lines) == [("raised", "archive.away"), ("cleared", "archive.away")]
    assert restored(station.archive_root, station.root / "back") == {"before.log": b"before", "a.log": b"held"}
    assert len(station.server.received) == 3
    check_sound(station.root / "another")


def test_nothing_is_written_into_an_empty_mount_point(station: Station) -> None:
    """A share that goes leaves an empty folder in its place, which stays so; the share is taken up when it is back (11)."""
    watch = station.add("one", archive_folder="share")
    station.archive_root = station.root / "share"
    with share(station.archive_root) as made:
        with logged() as lines, station.serving():
            (watch / "before.log").write_bytes(b"before")
            wait_for(lambda: station.names("one/Done") == ["before.log"])
            made.go()
            (watch / "a.log").write_bytes(b"held")
            wait_for(lambda: ("raised", "archive.away") in alerts(lines))
            time.sleep(2)
            assert station.names("share") == [] and station.names("one/watch") == ["a.log"]
            made.come()
            wait_for(lambda: station.names("one/Done") == ["a.log", "before.log"])
        assert restored(made.mount_point, station.root / "back") == {"before.log": b"before", "a.log": b"held"}
        made.go()
        (watch / "b.log").write_bytes(b"held again")
        (told,) = station.run().waiting
        assert "mount its disk or share" in told and "archive_folder" in told and "pywats-archive.json" in told
        assert station.names("share") == [] and station.names("one/watch") == ["b.log"]
        made.come()
        assert station.run().waiting == () and "b.log" in station.names("one/Done")
        check_sound(station.archive_root)


def test_a_start_without_the_archive_makes_no_second_one(station: Station) -> None:
    """An archive that was known is waited for at the start, and taken up without a restart; others go on (invariant 11)."""
    watch, others = station.add("one"), station.add("other", archive_folder="another")
    (watch / "before.log").write_bytes(b"before")
    station.run()
    elsewhere = station.root / "elsewhere"
    station.archive_root.rename(elsewhere)
    (watch / "a.log").write_bytes(b"held")
    (others / "b.log").write_bytes(b"goes on")
    with logged() as lines, station.serving():
        wait_for(lambda: station.names("other/Done") == ["b.log"])
        time.sleep(1)
        assert station.names("one/watch") == ["a.log"] and not station.archive_root.exists()
        assert alerts(lines) == [("raised", "archive.away")]
        elsewhere.rename(station.archive_root)
        wait_for(lambda: station.names("one/Done") == ["a.log", "before.log"])
    assert len(station.server.received) == 3


def test_another_archive_is_refused(station: Station) -> None:
    """An archive that lies where another one was known is not touched, until a person says that it is meant."""
    watch = station.add("one")
    station.run()
    elsewhere = station.root / "elsewhere"
    with logged() as lines, station.serving():
        station.archive_root.rename(elsewhere)
        Archive.open(station.archive_root, create=True).close()
        (watch / "a.log").write_bytes(b"held")
        wait_for(lambda: ("raised", "archive.away") in alerts(lines))
        time.sleep(1.5)
        assert not (station.archive_root / "sources").exists() and station.names("one/watch") == ["a.log"]
    (told,) = station.run().waiting
    assert "another archive" in told
    assert not (station.archive_root / "sources").exists()
    with station.serving():
        time.sleep(1)
        assert station.names("one/watch") == ["a.log"]
        memory = station.root / "pywats-archive.json"
        memory.write_text(memory.read_text().replace('"archives"', '"former"'))
        wait_for(lambda: station.names("one/Done") == ["a.log"])
    check_sound(elsewhere)


def test_a_copy_that_took_the_place_is_opened_anew(station: Station) -> None:
    """When a copy takes an archive's place, such as on a larger disk, what comes goes into the copy (invariant 1)."""
    watch = station.add("one")
    former = station.root / "former"
    with station.serving():
        (watch / "before.log").write_bytes(b"before")
        wait_for(lambda: station.names("one/Done") == ["before.log"])
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["done"])
        station.archive_root.rename(former)
        shutil.copytree(former, station.archive_root, ignore=shutil.ignore_patterns(".lock"))
        time.sleep(2)
        (watch / "a.log").write_bytes(b"after")
        wait_for(lambda: station.names("one/Done") == ["a.log", "before.log"])
    assert restored(station.archive_root, station.root / "back") == {"before.log": b"before", "a.log": b"after"}


def test_what_comes_meanwhile_is_converted_and_nothing_twice(station: Station) -> None:
    """With ``on_archive_error`` continue, what comes while the archive is away is converted and sent; what may have been
    archived before waits for it: no report goes under two ids (invariants 4, 11)."""
    watch = station.add("on", on_archive_error="continue", post_action="delete")
    elsewhere = station.root / "elsewhere"
    station.server.stop()
    with logged() as lines, station.serving():
        (watch / "archived.log").write_bytes(b"waits for the server")
        wait_for(lambda: len(station.entries()) == 1 and station.arrivals()[0].state.value.startswith("waiting"))
        time.sleep(1)
        station.archive_root.rename(elsewhere)
        wait_for_event(lines, "archive.sources_waiting")  # what lies there by then waits for the archive
        station.server.start()
        (watch / "new.log").write_bytes(b"goes on")
        wait_for(lambda: list((station.root / "on/Done/not-archived").glob("*/source/new.log")))
        assert station.names("on/watch") == ["archived.log"]
        elsewhere.rename(station.archive_root)
        wait_for(lambda: station.names("on/watch") == [] and station.names("on/Done/not-archived") == [])
    assert restored(station.archive_root, station.root / "back") == {
        "archived.log": b"waits for the server",
        "new.log": b"goes on",
    }
    assert len(station.server.received) == 2
    assert [arrival.state.value for arrival in station.arrivals()] == ["done", "done"]


def test_what_is_on_its_way_when_the_archive_returns_is_not_begun_again(station: Station) -> None:
    """A source that was converted meanwhile, whose reports still wait for the server, is no new one for the ledger (4, 12)."""
    watch = station.add("on", on_archive_error="continue")
    station.run()
    elsewhere = station.root / "elsewhere"
    station.archive_root.rename(elsewhere)
    station.server.stop()
    with logged() as lines, station.serving():
        wait_for_event(lines, "archive.sources_waiting")
        (watch / "a.log").write_bytes(b"x")
        wait_for_event(lines, "source.converted")
        elsewhere.rename(station.archive_root)
        wait_for(lambda: ("cleared", "archive.away") in alerts(lines))
        time.sleep(1.5)
        station.server.start()
        wait_for(lambda: station.names("on/Done") == ["a.log", "not-archived"])
    assert len(station.server.received) == 1 and len(station.entries()) == 1
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_what_lay_there_at_a_start_waits_for_the_ledger(station: Station) -> None:
    """Without the ledger it is unknown whether a source was sent before: it waits, and later ones are processed (4)."""
    watch = station.add("on", on_archive_error="continue", post_action="keep")
    (watch / "kept.log").write_bytes(b"sent before")
    station.run()
    elsewhere = station.root / "elsewhere"
    station.archive_root.rename(elsewhere)
    with logged() as lines, station.serving():
        wait_for_event(lines, "archive.sources_waiting")
        (watch / "new.log").write_bytes(b"new")
        wait_for(lambda: len(station.server.received) == 2)
        elsewhere.rename(station.archive_root)
        wait_for(lambda: len(station.entries()) == 2)
        time.sleep(1)
    assert len(station.server.received) == 2 and station.names("on/watch") == ["kept.log"]


def test_a_scheduled_converter_waits_for_its_archive(station: Station) -> None:
    """A scheduled converter, whose results could wait nowhere, is not run while the archive is away; none of them is lost."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Timed(ScheduledConverter):\n"
        "    name = property(lambda self: 'Timed')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=0.5))\n"
        "    async def run(self, context):\n"
        "        open(os.environ['PYWATS_TEST_RUNS'], 'a').write('x')\n"
        "        return [ConverterResult.success_result(report=report('T'))]\n"
    )
    station.add("timed", "own.Timed", converter_type="scheduled")
    elsewhere, runs = station.root / "elsewhere", station.root / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYWATS_TEST_RUNS", str(runs))
        with logged() as lines, station.serving():
            wait_for(station.entries)
            station.archive_root.rename(elsewhere)
            wait_for(lambda: ("raised", "archive.away") in alerts(lines))
            ran = wait_for(lambda: _count_if_constant(runs))  # a run that had begun may end late
            elsewhere.rename(station.archive_root)
            wait_for(lambda: len(runs.read_text()) > ran and len(station.entries()) > ran)
    assert len(station.entries()) == len(runs.read_text())


def _count_if_constant(runs: Path) -> int:
    """Return the number of runs, or 0 if another one comes within the time that three of them take."""
    before = len(runs.read_text())
    time.sleep(1.5)
    return before if len(runs.read_text()) == before else 0


def test_what_went_meanwhile_is_on_record(station: Station) -> None:
    """A source that came and was taken away while the archive was away is accounted for as vanished (invariant 12)."""
    watch = station.add("one")
    station.run()
    elsewhere = station.root / "elsewhere"
    station.archive_root.rename(elsewhere)
    with capture_logs() as lines, station.serving() as service:
        wait_for_event(lines, "archive.sources_waiting")
        (lane,) = service.parts.places.lanes
        (watch / "a.log").write_bytes(b"came")
        wait_for(lambda: lane.scan.known)
        (watch / "a.log").unlink()
        wait_for(lambda: not lane.scan.known)
        elsewhere.rename(station.archive_root)
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["vanished"])


def test_sources_of_a_watch_folder_that_is_away_are_not_gone(station: Station) -> None:
    """A watch folder that goes is not made again, nothing in it counts as vanished, and it is taken up again (12)."""
    watch = station.add("one", settle_seconds=600)  # it stays seen, however long the rest takes
    others = station.add("other")
    elsewhere = station.root / "elsewhere"
    with logged() as lines, station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        (watch / "a.log").write_bytes(b"seen")
        wait_for(lambda: len(station.arrivals()) == 1)
        watch.rename(elsewhere)
        (others / "b.log").write_bytes(b"goes on")
        wait_for(lambda: station.names("other/Done") == ["b.log"])
        wait_for(lambda: ("raised", "watch.away") in alerts(lines))
        assert not watch.exists()
    station.sections[0]["settle_seconds"] = 0.3
    with station.serving():
        time.sleep(1)
        assert not watch.exists()
        elsewhere.rename(watch)
        wait_for(lambda: station.names("one/Done") == ["a.log"])
    assert {arrival.state.value for arrival in station.arrivals()} == {"done"}


def test_an_empty_mount_point_is_no_empty_watch_folder(station: Station) -> None:
    """When a share goes, the empty folder in its place does not make its sources vanish, restarts or not (invariant 12)."""
    with share(station.root / "one" / "watch") as made:
        watch = station.add("one", settle_seconds=600)
        with station.serving():
            wait_for((station.archive_root / "metadata.db").exists)
            (watch / "a.log").write_bytes(b"seen")
            wait_for(lambda: len(station.arrivals()) == 1)
            made.go()
            time.sleep(3)
        assert any("nothing is mounted" in told for told in station.run().waiting)
        assert [arrival.state.value for arrival in station.arrivals()] == ["seen"]
        station.sections[0]["settle_seconds"] = 0.3
        with station.serving():
            made.come()
            wait_for(lambda: station.names("one/Done") == ["a.log"])
        assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_an_archived_source_outlives_its_watch_folder(station: Station) -> None:
    """A source whose folder goes while it is converted is converted from the archive, and leaves when the folder is back."""
    station.code(
        "class Slow(Any):\n"
        "    def outcome(self, source, context):\n"
        "        while not os.path.exists(os.environ['PYWATS_TEST_GO']): time.sleep(0.05)\n"
        "        source.path.read_bytes()\n"
        "        return super().outcome(source, context)\n"
    )
    watch = station.add("one", "own.Slow")
    elsewhere, go = station.root / "elsewhere", station.root / "go"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYWATS_TEST_GO", str(go))
        with logged() as lines, station.serving():
            (watch / "a.log").write_bytes(b"archived")
            wait_for(lambda: len(station.entries()) == 1)
            watch.rename(elsewhere)
            wait_for(lambda: ("raised", "watch.away") in alerts(lines))
            go.touch()
            wait_for(lambda: len(station.server.received) == 1)
            time.sleep(1)
            assert [arrival.state.value for arrival in station.arrivals()] == ["waiting for the server"]
            elsewhere.rename(watch)
            wait_for(lambda: station.names("one/Done") == ["a.log"])
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_what_was_held_meanwhile_does_not_close_it_again(station: Station) -> None:
    """A folder that was not complete has a number of its own while the archive is away, which no ledger knows."""
    station.code(FOLDERS)
    folder = station.add("c", "own.Folders", converter_type="folder", on_archive_error="continue") / "unit"
    station.run()
    elsewhere = station.archive_root.rename(station.root / "elsewhere")
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "archive.sources_waiting")
        folder.mkdir()
        (folder / "a.txt").write_text("1")
        time.sleep(4)
        elsewhere.rename(station.archive_root)
        wait_for_event(lines, "archive.back")
        (folder / "COMPLETE.marker").touch()
        wait_for(lambda: station.names("c/Done") == ["unit"])
        time.sleep(8)
    assert [line["event"] for line in lines].count("archive.back") == 1


def test_leftovers_that_open_an_archive_attach_its_converters(station: Station) -> None:
    """Two archives come back at once, and one is opened first to finish what another converter left in it (1, 11)."""
    watch, other = station.add("one", archive_folder="disk/own"), station.add("other", archive_folder="disk/shared")
    (watch / "a.log").write_bytes(b"a")
    assert station.run().waiting == ()
    station.sections[0]["archive_folder"], station.archive_root = "disk/shared", station.root / "disk/shared"
    (watch / "left.log").write_bytes(b"left")
    station.server.close()
    with station.serving():
        wait_for(lambda: ArrivalState.WAITING in {arrival.state for arrival in station.arrivals()})
    station.server.start()
    station.sections[0]["archive_folder"] = "disk/own"
    disk, elsewhere = station.root / "disk", station.root / "elsewhere"
    disk.rename(elsewhere)
    with logged() as lines, station.serving():
        wait_for(lambda: [name for _, name in alerts(lines)].count("archive.away") == 2)
        elsewhere.rename(disk)
        wait_for(lambda: "left.log" in station.names("one/Done"))
        (other / "b.log").write_bytes(b"b")
        wait_for(lambda: station.names("other/Done") == ["b.log"])
    assert restored(disk / "shared", station.root / "back") == {"left.log": b"left", "b.log": b"b"}
    assert sum(map(len, station.server.received.values())) == 3


def test_a_rejected_configuration_that_opened_an_archive_attaches_the_converters_in_force(station: Station) -> None:
    """An archive comes back, and a configuration that is rejected for another archive opens it first (1, 11)."""
    watch = station.add("one")
    taken = station.root / "taken"
    (watch / "a.log").write_bytes(b"a")
    assert station.run().waiting == ()
    elsewhere = station.root / "elsewhere"
    station.archive_root.rename(elsewhere)
    with Archive.open(taken, create=True, own=True), logged() as lines, station.serving() as service:
        wait_for(lambda: ("raised", "archive.away") in alerts(lines))
        with Archive.open(elsewhere, own=True):
            elsewhere.rename(station.archive_root)
            wait_for(lambda: service.parts.monitor._open_again_at_s)  # it is in use, and tried again only later
        station.add("two", archive_folder="taken")
        station.write_config()
        wait_for(lambda: "config.rejected" in {line["event"] for line in lines})
        (watch / "b.log").write_bytes(b"b")
        wait_for(lambda: station.names("one/Done") == ["a.log", "b.log"])
    assert restored(station.archive_root, station.root / "back") == {"a.log": b"a", "b.log": b"b"}
    assert sum(map(len, station.server.received.values())) == 2
