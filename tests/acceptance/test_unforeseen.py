"""An unexpected error affects only its source, which waits, is reported, and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.station import Station

from pywats_archive.archive import alerts
from pywats_archive.archive.core import Archive
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger
from pywats_archive.pipeline.resume import Resuming

BAD = "bad.log"


class Nobody(Exception):
    """Stands for what nobody foresaw: what is known to raise is mended, so the tests must raise it themselves."""


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Where the source called ``BAD`` meets an error, by the step; a test sets one of them."""
    met = {"enter": False, "latest_at": False, "archive": False, "resume": False}
    enter, latest_at = ArchiveLedger.enter, ArchiveLedger.latest_at
    archive, resume = ArchiveInterceptor.pre_convert, Resuming._arrival

    def raise_for(step: str, paths: Sequence[str]) -> None:
        if met[step] and any(path.endswith(BAD) for path in paths):
            raise Nobody("has thought of this")

    def entering(self: ArchiveLedger, sightings: Any) -> Any:
        raise_for("enter", [each.path for each in sightings])
        return enter(self, sightings)

    def finding(self: ArchiveLedger, paths: Sequence[str]) -> Any:
        raise_for("latest_at", paths)
        return latest_at(self, paths)

    def archiving(self: ArchiveInterceptor, source: Path, **how: Any) -> Any:
        raise_for("archive", [str(source)])
        return archive(self, source, **how)

    def resuming(self: Any, line: Any, arrival: Arrival) -> None:
        raise_for("resume", [arrival.path])
        resume(self, line, arrival)

    monkeypatch.setattr(ArchiveLedger, "enter", entering)
    monkeypatch.setattr(ArchiveLedger, "latest_at", finding)
    monkeypatch.setattr(ArchiveInterceptor, "pre_convert", archiving)
    monkeypatch.setattr(Resuming, "_arrival", resuming)
    return met


@pytest.mark.parametrize("step", ["enter", "latest_at", "archive"])
def test_a_source_that_meets_an_unexpected_error_stops_no_other(
    station: Station, trouble: dict[str, bool], step: str
) -> None:
    """It is reported by a run that ends and by an alert, and is processed once the error is gone (invariants 11 and 12)."""
    watch = station.add("any")
    for number in range(5):
        (watch / f"{number}.log").write_bytes(b"x%d" % number)
    (watch / BAD).write_bytes(b"bad")
    trouble[step] = True
    (told,) = station.run().waiting
    assert str(watch / BAD) in told and "Nobody: has thought of this" in told
    assert station.names("any/Done") == [f"{number}.log" for number in range(5)] and station.names("any/watch") == [BAD]
    assert _alerts(station) == [("source.unexpected", "any")]
    trouble[step] = False
    assert station.run().waiting == ()
    assert BAD in station.names("any/Done") and _alerts(station) == []


def test_an_unexpected_error_at_the_start_keeps_no_other_source_waiting(
    station: Station, trouble: dict[str, bool]
) -> None:
    """Sources that an earlier run could not finish are resumed, each by itself (invariant 5)."""
    watch = station.add("any")
    for name in ("a.log", BAD, "z.log"):
        (watch / name).write_bytes(name.encode())
    in_the_way = station.root / "any/Done"
    in_the_way.write_bytes(b"a file, where the folder belongs")
    assert len(station.run().waiting) == 3
    in_the_way.unlink()
    trouble["resume"] = True
    (blocker,) = station.run().waiting
    assert str(watch / BAD) in blocker and "Nobody: has thought of this" in blocker
    assert station.names("any/Done") == ["a.log", "z.log"]
    trouble["resume"] = False
    assert station.run().waiting == ()
    assert station.names("any/Done") == ["a.log", BAD, "z.log"]


def _alerts(station: Station) -> list[tuple[str, str]]:
    with Archive.open(station.archive_root) as archive:
        return [(alert.name, alert.subject) for alert in alerts.open_alerts(archive)]
