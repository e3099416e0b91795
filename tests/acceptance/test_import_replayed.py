"""Imported entries of a station that is in use: its counts agree, and a replay sends no test twice."""

from __future__ import annotations

from typing import Any

import pytest
from tests.done import document, put
from tests.station import Station

from pywats_archive import Client
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.models.operation.replay import ItemResult, ReplayRequest


def test_the_counts_agree_after_an_import(station: Station) -> None:
    """Imported entries came from no arrival, also once they were replayed (invariant 12)."""
    watch = station.add("ICT")
    (watch / "SN1.log").write_bytes(b"of today")
    station.run()
    old = put(station.root / "old" / "SN0.log", b"of before")
    with Client.from_config(station.write_config()) as client:
        client.import_done(old.parent, "ICT")
        assert client.status().disagreements == ()
        client.replay([each.archive_id for each in station.entries()], ReplayRequest(), processes=1)
        assert client.status().disagreements == ()


@pytest.mark.parametrize(("given", "sent"), [("uuid.uuid4()", 0), ("source.path.read_text()", 1)])
def test_only_an_id_of_the_source_is_that_of_the_former_report(station: Station, given: str, sent: int) -> None:
    """A converter that makes a new id each time would give the server the test a second time (invariant 4)."""
    station.code(
        "import uuid\n"
        "class WithId(Any):\n"
        "    def outcome(self, source, context):\n"
        f"        body = report(source.path.stem, id=str({given}))\n"
        "        return ConverterResult.success_result(report=body)\n"
    )
    station.add("ICT", "own.WithId")
    old = put(station.root / "old" / "SN0.log", b"5F0C6F3A-3c1b-4a52-9f0e-0b6a1d1f7c11")
    with Client.from_config(station.write_config()) as client:
        client.import_done(old.parent, "ICT")
        ids = [each.archive_id for each in station.entries()]
        client.replay(ids, ReplayRequest(submit_to_server=True), processes=1)
    station.run()
    assert len(station.server.received) == sent


def _imported(station: Station, **report: Any) -> None:
    """Import an entry, with a report of these fields if there are any."""
    if not station.sections:
        station.add("ICT")
    old = put(station.root / "old" / "SN1.log", b"content").parent
    if report:
        put(old / "SN1.json", document("SN1", **report))
    with Client.from_config(station.write_config()) as client:
        assert client.import_done(old, "ICT").imported == 1


def _replayed(station: Station, **request: Any) -> ItemResult:
    """Replay the only entry, and send what there is to be sent."""
    with Client.from_config(station.write_config()) as client:
        done = client.replay([station.entry().archive_id], ReplayRequest(**request), processes=1)
        (item,) = client.changes(done.run_id, unchanged=True)
    station.run()
    return item


@pytest.mark.parametrize("lost", [(), ("metadata.db*",), ("metadata.db*", "backups/*")])
@pytest.mark.parametrize(("before", "is_sent"), [("F", False), ("Failed", False), ("P", True), ("Passed", True)])
def test_the_verdict_of_an_imported_report_turns_only_with_a_reason(
    station: Station, before: str, is_sent: bool, lost: tuple[str, ...]
) -> None:
    """Also after a replay that was not sent, and after a rebuild: the server has the imported one."""
    _imported(station, result=before)
    assert _replayed(station).skipped_because is None
    for path in [path for pattern in lost for path in station.archive_root.glob(pattern)]:
        path.unlink()
    if lost:
        rebuild(station.archive_root)
    item = _replayed(station, submit_to_server=True)
    assert ("would turn from Failed to Passed" in str(item.skipped_because)) is not is_sent
    assert bool(station.server.received) is is_sent
    if not is_sent:
        _replayed(station, submit_to_server=True, allow_verdict_change="the limits were wrong")
    (sent,) = station.server.received
    assert sent.encode() in document("SN1")


@pytest.mark.parametrize(("report", "effect"), [({"result": "P"}, "replaces"), ({}, "unknown")])
def test_a_dry_run_says_what_an_imported_test_will_do_on_the_server(
    station: Station, report: dict[str, str], effect: str
) -> None:
    """Not that it is new there: it was sent before it was imported."""
    _imported(station, **report)
    assert [each.value for each in _replayed(station, dry_run=True).effects] == [effect]


def test_an_id_that_the_converter_gives_each_time_is_that_of_the_former_report(station: Station) -> None:
    """It is made from the source, and not in it; a replay that was not sent shows that it stays the same."""
    station.code(
        "import uuid\n"
        "class WithId(Any):\n"
        "    def outcome(self, source, context):\n"
        "        own = uuid.uuid5(uuid.NAMESPACE_OID, source.path.read_text())\n"
        "        return ConverterResult.success_result(report=report(source.path.stem, id=str(own)))\n"
    )
    station.add("ICT", "own.WithId")
    _imported(station)
    assert "replay it once without --submit" in str(_replayed(station, submit_to_server=True).skipped_because)
    assert [each.value for each in _replayed(station, dry_run=True).effects] == ["unknown"]
    assert not station.server.received
    _replayed(station)
    assert [each.value for each in _replayed(station, dry_run=True).effects] == ["replaces"]
    assert _replayed(station, submit_to_server=True).skipped_because is None
    assert len(station.server.received) == 1
