"""Imported entries of a station that is in use: its counts agree, and a replay sends no test twice."""

from __future__ import annotations

import pytest
from tests.done import put
from tests.station import Station

from pywats_archive import Client
from pywats_archive.models.operation.replay import ReplayRequest


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
