"""After a rebuild a replay sends no imported test under a second id, and no turned verdict without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.acceptance.test_rebuilt_from_copy import copied, lose
from tests.done import put
from tests.station import Station

from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.client import Client
from pywats_archive.models.operation.replay import ReplayRequest

CONVERTER = """
class Turning(Any):
    def outcome(self, source, context):
        return ConverterResult.success_result(report=report("SN1", result="{result}"))
"""


def replayed(station: Station, *, submit: bool = True, new_id: bool = False, reason: str | None = None) -> str:
    """Replay the only entry; returns why it was not replayed, and sends what was."""
    request = ReplayRequest(submit_to_server=submit, new_id=new_id, allow_verdict_change=reason)
    with Client.from_config(station.write_config()) as client:
        run = client.replay([station.entry().archive_id], request, processes=1)
        why = next((str(each.skipped_because) for each in client.changes(run.run_id) if each.skipped_because), "")
    station.run()
    return why


def rebuilt(station: Station) -> None:
    lose(station.archive_root)
    rebuild(station.archive_root)


@pytest.fixture
def imported(station: Station) -> Station:
    """A station with an entry that was imported without its report."""
    station.add("ICT")
    put(station.root / "old" / "SN1.log", b"content")
    with Client.from_config(station.write_config()) as client:
        client.import_done(station.root / "old", "ICT")
    return station


def test_an_entry_from_its_blob_is_still_an_imported_one(imported: Station) -> None:
    """No event says so any longer, but the blob does; a report of it that was not sent has an id of its own."""
    rebuilt(imported)
    assert replayed(imported, submit=False) == ""
    assert "imported without this report" in replayed(imported)
    rebuilt(imported)
    assert "imported without this report" in replayed(imported)
    assert not imported.server.received


@pytest.mark.parametrize("has_copy", [True, False])
def test_an_imported_test_that_was_sent_before_the_loss_keeps_its_id(imported: Station, has_copy: bool) -> None:
    """The server has it under that id, also if it was replayed again after the copy was made."""
    assert replayed(imported, new_id=True) == ""
    if has_copy:
        with imported.archive() as archive:
            copied(archive)
    assert replayed(imported) == ""
    for copy in () if has_copy else imported.archive_root.glob("backups/*"):
        copy.unlink()
    rebuilt(imported)
    assert replayed(imported) == ""
    assert [len(bodies) for bodies in imported.server.received.values()] == [2]


@pytest.mark.parametrize("has_copy", [True, False])
def test_a_verdict_that_turns_after_a_rebuild_is_held_back(station: Station, tmp_path: Path, has_copy: bool) -> None:
    """The server may have the report of before the loss."""
    station.code(CONVERTER.format(result="P"))
    watch = station.add("ICT", "own.Turning")
    (watch / "SN1.log").write_text("content")
    station.run()
    if has_copy:
        with station.archive() as archive:
            copied(archive)
        replayed(station, submit=False)
    for copy in () if has_copy else station.archive_root.glob("backups/*"):
        copy.unlink()
    rebuilt(station)
    station.code(CONVERTER.format(result="F"))
    assert "would turn" in replayed(station)
    assert [len(bodies) for bodies in station.server.received.values()] == [1]


@pytest.mark.parametrize("has_copy", [True, False])
@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_replay_that_was_not_sent_does_not_count_as_what_the_server_has(
    station: Station, has_copy: bool, is_lost_before: bool
) -> None:
    """Whether the catalog was lost before or after it, the server has the report of before it."""
    station.code(CONVERTER.format(result="P"))
    watch = station.add("ICT", "own.Turning")
    (watch / "SN1.log").write_text("content")
    station.run()
    if has_copy:
        with station.archive() as archive:
            copied(archive)
    station.code(CONVERTER.format(result="F"))
    for is_lost in (is_lost_before, not is_lost_before):
        if not is_lost:
            assert replayed(station, submit=False) == ""
            continue
        for copy in () if has_copy else station.archive_root.glob("backups/*"):
            copy.unlink()
        rebuilt(station)
    assert "would turn from Passed to Failed" in replayed(station)
    assert replayed(station, reason="the limits were wrong") == ""
    assert [len(bodies) for bodies in station.server.received.values()] == [2]
    assert replayed(station) == ""
