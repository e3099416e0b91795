"""What is known while an archive or a watch folder is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pywats_archive.archive.ledger import Sighting
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.folders.presence import WatchFolder, absence, mount_point_of
from pywats_archive.pipeline.lanes.ledgers import AwayLedger, only_seen

NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)


def arrival(number: int, state: ArrivalState = ArrivalState.SEEN) -> Arrival:
    """Return an arrival as a ledger has it."""
    told = {"converter_name": "c", "size_bytes": 1, "mtime_ns": 1, "first_seen_at": NOW, "changed_at": NOW}
    return Arrival(arrival_id=number, path=f"/watch/{number}", state=state, **told)  # type: ignore[arg-type]


def test_only_what_is_certain_is_taken_for_seen() -> None:
    """What is being handled, has changed or has gone further may have been archived and sent (invariant 4)."""
    known = [arrival(1), arrival(2), arrival(3), arrival(4, ArrivalState.WAITING), arrival(5, ArrivalState.DONE)]
    assert only_seen(known, changed={"/watch/2"}, active={3}) == (arrival(1),)


def test_only_what_came_meanwhile_is_new() -> None:
    """What lay there first is neither new nor ended; what comes later is entered under a negative number (invariant 4)."""
    books = AwayLedger("c", clock=lambda: NOW, seen=[arrival(1)])
    first = books.latest_at(["/watch/1", "/watch/before"])
    assert first["/watch/1"] == arrival(1)
    before = first["/watch/before"]
    assert before.state is not ArrivalState.SEEN and not before.state.is_final
    assert books.latest_at(["/watch/later", "/watch/before"]) == {"/watch/before": before}
    (entered,) = books.enter([Sighting(path="/watch/later", size_bytes=5, mtime_ns=7)])
    assert entered.state is ArrivalState.SEEN and (entered.arrival_id or 0) < 0
    assert books.get(entered.arrival_id or 0) == entered == books.latest_at(["/watch/later"])["/watch/later"]
    books.mark_vanished(entered)
    books.mark_vanished(arrival(1))
    assert books.vanished == [entered] and books.latest_at(["/watch/later", "/watch/1"]) == {}
    books.change(before, ArrivalState.DONE, reason="told")
    assert books.get(before.arrival_id or 0) == replace(before, state=ArrivalState.DONE, reason="told")


@pytest.mark.parametrize(
    ("is_there", "is_mounted", "away"),
    [
        (True, True, None),
        (False, True, "it does not exist"),
        (True, False, "nothing is mounted at /m"),
        (False, False, "/m"),
    ],
)
def test_a_folder_is_there_on_its_own_disk_alone(is_there: bool, is_mounted: bool, away: str | None) -> None:
    """A folder whose mount point is bare is away, even when there is one of its name."""
    told = absence(is_there=is_there, mount_point="/m", is_mounted=is_mounted)
    assert told is None if away is None else away in str(told)


def test_a_folder_is_made_the_first_time_alone(tmp_path: Path) -> None:
    """A watch folder that was never there is made; one that was is waited for."""
    folder = WatchFolder(tmp_path / "a" / "b")
    assert folder.prepare() == mount_point_of(tmp_path) and folder.path.is_dir()
    folder.path.rmdir()
    again = WatchFolder(folder.path, folder.mount_point)
    assert again.prepare() is None and not folder.path.exists()
    assert "it does not exist" in str(again.trouble())
