"""Imported entries of a station that is in use: its counts agree, and a replay sends no test twice."""

from __future__ import annotations

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
