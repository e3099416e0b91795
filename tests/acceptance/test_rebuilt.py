"""A station whose catalog was lost and rebuilt: nothing is sent twice, and nothing is kept for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.station import Station

from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.client import Client
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import ReplayRequest

LIMITED = """
class Limited(Any):
    def outcome(self, source, context):
        found = report(source.path.stem, high={limit})
        return ConverterResult.success_result(report={{k: v for k, v in found.items() if v is not None}})
"""


def replayed(station: Station, **request: Any) -> int:
    """Replay all entries; returns the number of the run."""
    with Client.from_config(station.write_config()) as client:
        engine = client.reprocessing(actor="engineer")
        done = engine.start([each.archive_id for each in station.entries()], ReplayRequest(**request), processes=1)
    assert done.run_id is not None
    return done.run_id


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_rolled_back_run_stays_so(tmp_path: Path, is_lost: bool) -> None:
    """Reports go on under the ids that were in force, though a run gave others that were taken back (invariants 4 and 5)."""
    with Station(tmp_path) as station:
        station.code(LIMITED.format(limit=5.5))
        watch = station.add("ict", "own.Limited")
        for number in range(3):
            (watch / f"SN{number}.log").write_text("x" * (number + 1))
        station.run()
        shown = {each.serial_number: each.report_id for each in station.entries()}
        assert len(station.server.received) == len(shown) == 3
        station.code(LIMITED.format(limit=5.0))
        run = replayed(station, submit_to_server=False, new_id=True)
        assert not set(shown.values()) & {each.report_id for each in station.entries()}
        with Client.from_config(station.write_config()) as client:
            assert all(each.is_set_back for each in client.reprocessing(actor="engineer").rollback(run))
        if is_lost:
            for path in station.archive_root.glob("metadata.db*"):
                path.unlink()
        else:
            (station.archive_root / "set-back.log").unlink()
        assert rebuild(station.archive_root).problems == ()
        assert {each.serial_number: each.report_id for each in station.entries()} == shown
        assert {each.conversion_status for each in station.entries()} == {ConversionStatus.SUCCESS}
        replayed(station, submit_to_server=True)
        assert station.run().waiting == ()
        assert station.server.received.keys() == set(shown.values())
        assert all(len(bodies) == 2 for bodies in station.server.received.values())
