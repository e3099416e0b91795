"""By what a source is known again: its inode, its name, the time of its last change, its bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.archive.sources import reading
from pywats_archive.errors import SourceChanged
from pywats_archive.models.arrival import ArrivalState

PANEL = """
class Panel(Any):
    def outcome(self, source, context):
        made = [report(f"{source.path.stem}-{n}") for n in (1, 2)]
        return ConverterResult.success_result(report=[{k: v for k, v in each.items() if v is not None} for each in made])
"""
"""Two reports for each source, without ids of their own."""


def touch(station: Station) -> None:
    (station.root / "c/watch/a.log").touch()


def rename(station: Station) -> None:
    (station.root / "c/watch/a.log").rename(station.root / "c/watch/b.log")


def touch_and_rename(station: Station) -> None:
    touch(station)
    rename(station)


def rename_the_folder(station: Station) -> None:
    (station.root / "c/watch").rename(station.root / "c/now")
    station.sections[0]["watch_folder"] = "c/now"


def replace_by_a_copy(station: Station) -> None:
    """Bring it back as from another disk: its name stays, its inode and time do not."""
    log = station.root / "c/watch/a.log"
    copy = station.root / "copy"
    copy.write_bytes(log.read_bytes())
    copy.replace(log)


def reach_the_folder_through_a_link(station: Station) -> None:
    (station.root / "link").symlink_to(station.root / "c/watch")
    station.sections[0]["watch_folder"] = "link"


def link_it_beside_itself(station: Station) -> None:
    (station.root / "c/watch/b.log").hardlink_to(station.root / "c/watch/a.log")


def link_it_into_another_folder(station: Station) -> None:
    (station.root / "c/now").mkdir()
    (station.root / "c/now/b.log").hardlink_to(station.root / "c/watch/a.log")
    station.sections[0]["watch_folder"] = "c/now"


SAME = [
    *(touch, rename, touch_and_rename, replace_by_a_copy, rename_the_folder),
    *(reach_the_folder_through_a_link, link_it_beside_itself, link_it_into_another_folder),
]


@pytest.mark.parametrize("keys", [{}, {"archive_source_files": False}], ids=str)
@pytest.mark.parametrize("change", SAME)
def test_what_stays_in_its_folder_is_sent_once(
    station: Station, change: Callable[[Station], None], keys: dict[str, Any]
) -> None:
    """With KEEP, the same bytes under another time, name or path are no new source at any later start (invariant 4)."""
    sent, archive_id = kept(station, **keys)
    change(station)
    for _ in range(2):
        assert station.run().waiting == ()
        require_only(station, sent, archive_id)


@pytest.mark.parametrize("change", [touch, rename, rename_the_folder, link_it_beside_itself])
def test_it_is_sent_once_while_the_service_runs(station: Station, change: Callable[[Station], None]) -> None:
    """What changes under a running service is known again by it, and by the next one (invariant 4)."""
    sent, archive_id = kept(station)
    with capture_logs() as logged, station.serving():
        wait_for_event(logged, "service.started")
        change(station)
        station.write_config()
        wait_for_event(logged, "source.known_again")
        wait_for(lambda: all(arrival.state.is_final for arrival in station.arrivals()))
    require_only(station, sent, archive_id)
    station.run()
    require_only(station, sent, archive_id)


def test_a_link_to_a_kept_source_is_left(station: Station) -> None:
    """A symbolic link in a watch folder is never opened, so it sends nothing again (invariant 4)."""
    sent, archive_id = kept(station)
    (station.root / "c/watch/b.log").symlink_to(station.root / "c/watch/a.log")
    station.run()
    require_only(station, sent, archive_id)


def test_a_copy_under_another_name_and_new_bytes_are_sources(station: Station) -> None:
    """What has neither name nor inode of the kept one, or other bytes, is archived and sent (invariant 1)."""
    kept(station)
    log = station.root / "c/watch/a.log"
    (log.parent / "copy.log").write_bytes(log.read_bytes())
    log.write_bytes(b"other")
    station.run()
    assert len(station.entries()) == 3 and len(posts(station)) == len(station.server.received) == 6


def kept(station: Station, **keys: Any) -> tuple[list[str], str]:
    """Leave a source in its watch folder that is done with; returns its report ids, as they were posted, and its entry."""
    station.code(PANEL)
    watch = station.add("c", "own.Panel", post_action="keep", **keys)
    (watch / "a.log").write_bytes(b"two units")
    os.utime(watch / "a.log", ns=(10**18, 10**18))
    station.run()
    assert len(posts(station)) == 2
    return posts(station), station.entry().archive_id


def posts(station: Station) -> list[str]:
    """Return the id of each report that was posted, as often as it was."""
    return sorted(report_id for report_id, bodies in station.server.received.items() for _ in bodies)


def require_only(station: Station, sent: list[str], archive_id: str) -> None:
    """Check that nothing else happened: posts, ids, entries, conversions, and a ledger that agrees."""
    assert posts(station) == sent
    assert station.entry().archive_id == archive_id
    details = station.details()
    assert len(details.conversions) == 1 and sorted(report.report_id for report in details.reports) == sent
    assert {arrival.state for arrival in station.arrivals()} <= {ArrivalState.DONE, ArrivalState.SKIPPED}
    assert {arrival.archive_id for arrival in station.arrivals()} == {archive_id}
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_the_ledger_has_the_identity_of_the_bytes_that_were_archived(station: Station) -> None:
    """The ledger names the inode whose bytes were archived, whatever lies at its path later (invariant 12)."""
    watch = station.add("kept", post_action="keep")
    (watch / "a.log").write_bytes(b"x")
    status = (watch / "a.log").stat()
    station.run()
    (arrival,) = station.arrivals()
    assert (arrival.inode, arrival.ctime_ns) == (status.st_ino, status.st_ctime_ns)


def test_a_source_that_was_replaced_before_it_was_opened_is_not_archived_under_the_former_ones_time(
    tmp_path: Path,
) -> None:
    """What is read is what was looked at, even where the new one is as long and as old (invariants 2, 12)."""
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(b"one")
    before = reading.stamp_of(path)
    other.write_bytes(b"two")
    os.utime(other, ns=(before.mtime_ns, before.mtime_ns))
    other.replace(path)
    with pytest.raises(SourceChanged):
        list(reading.read_file(path, expected=before))
