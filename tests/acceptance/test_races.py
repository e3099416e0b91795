"""Moments that rarely meet, brought together: what one thread reads while another acts."""

from __future__ import annotations

import pytest
from tests.station import Station

from pywats_archive.archive.sources import Signature
from pywats_archive.pipeline.line import Line


def test_a_listing_older_than_the_ledger_finds_nothing_new(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that left after the folder was listed is not entered again, nor said to have vanished (invariant 12)."""
    watch = station.add("late")
    (watch / "a.log").write_bytes(b"x")
    listing, before, left = Line.listing, dict[str, Signature](), [3]

    def late(line: Line) -> tuple[dict[str, Signature], tuple[str, ...]]:
        found, strange = listing(line)
        before.update(found)
        left[0] -= not found
        return (dict(before) if left[0] > 0 else found), strange

    monkeypatch.setattr(Line, "listing", late)
    station.run()
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]
