"""Sources that a crash left under their private names: the next run gives them their own names back, and processes them."""

from __future__ import annotations

import json

import pytest
from tests.station import Station

from pywats_archive.archive.sources.leaving import private_name

READS = """
class Reads(Any):
    def outcome(self, source, context):
        body = report(source.path.read_text() + " of " + source.path.name)
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
class ReadsFolder(FolderConverter):
    name = property(lambda self: "ReadsFolder")
    def convert(self, source, context):
        body = report((source.folder_path / "a").read_text())
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""


def units(station: Station) -> list[str]:
    """Return the serial numbers that the server has, each as often as it was sent under an id of its own."""
    return sorted(json.loads(bodies[0])["sn"] for bodies in station.server.received.values())


@pytest.mark.parametrize("post_action", ["move", "delete", "zip"])
def test_a_source_that_a_crash_left_leaving_is_processed(station: Station, post_action: str) -> None:
    """It is converted under its own name, however many runs crashed before its archiving (invariants 5 and 12)."""
    station.code(READS)
    watch = station.add("left", "own.Reads", post_action=post_action)
    private_name(watch / "a.log").write_bytes(b"UNIT0")
    station.run()
    assert units(station) == ["UNIT0 of a.log"]
    assert [(arrival.path, arrival.state.value) for arrival in station.arrivals()] == [(str(watch / "a.log"), "done")]
    assert not list(watch.iterdir())


def test_it_waits_while_a_newer_source_has_its_name(station: Station) -> None:
    """Neither replaces the other, and each is converted under the name that its tester gave it (invariants 3 and 12)."""
    station.code(READS)
    watch = station.add("left", "own.Reads")
    private_name(watch / "a.log").write_bytes(b"UNIT0")
    (watch / "a.log").write_bytes(b"UNIT1")
    station.run()
    assert units(station) == ["UNIT0 of a.log", "UNIT1 of a.log"]
    assert station.names("left/Done") == ["a.log", "a_2.log"] and not list(watch.iterdir())


def test_it_waits_for_a_person_while_a_source_stays_that_has_its_name(station: Station) -> None:
    """If the newer source stays in the folder, the run says which one waits, and ends with 1 (invariant 11)."""
    station.code(READS)
    watch = station.add("left", "own.Reads", post_action="keep")
    private_name(watch / "a.log").write_bytes(b"UNIT0")
    (watch / "a.log").write_bytes(b"UNIT1")
    ran = station.run()
    assert private_name(watch / "a.log").read_bytes() == b"UNIT0"
    assert units(station) == ["UNIT1 of a.log"] and ".a.log.pywats-leaving" in "\n".join(ran.waiting)


def test_a_folder_that_a_crash_left_leaving_is_processed(station: Station) -> None:
    """A folder with its marker gets its own name back, too (invariant 5)."""
    station.code(READS)
    watch = station.add("left", "own.ReadsFolder", converter_type="folder")
    unit = private_name(watch / "unit")
    unit.mkdir()
    (unit / "a").write_bytes(b"UNIT0")
    (unit / "COMPLETE.marker").touch()
    station.run()
    assert units(station) == ["UNIT0"] and not list(watch.iterdir())
