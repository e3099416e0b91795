"""Report ids that are none, and ids that several reports have."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station, wait_for

from pywats_archive.archive.alerts import open_alerts
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.report import SubmissionState

CODE = """
import json
class FromFile(Any):
    def outcome(self, source, context):
        told = json.loads(source.path.read_text())
        made = [report(each.pop("sn"), **each) for each in (told if isinstance(told, list) else [told])]
        return ConverterResult.success_result(report=[{k: v for k, v in each.items() if v is not None} for each in made])
"""
ZEROS = ("00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "0" * 32, 0, "", " ")
ONE = "a1000000-0000-4000-8000-00000000000b"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        made.code(CODE)
        made.add("ict", "own.FromFile")
        yield made


def drop(station: Station, name: str, *reports: dict[str, object]) -> None:
    (station.root / "ict" / "watch" / name).write_text(json.dumps(list(reports)))


def at_server(station: Station) -> dict[str, list[str]]:
    """The units that came under each id."""
    return {
        report_id: [json.loads(body)["sn"] for body in bodies] for report_id, bodies in station.server.received.items()
    }


def units(station: Station) -> list[str]:
    return sorted(unit for units in at_server(station).values() for unit in units)


@pytest.mark.parametrize("keys", [{}, {"archive_enabled": False}], ids=["archive", "none"])
def test_zeros_are_no_id(station: Station, keys: dict[str, bool]) -> None:
    """A report whose id is all zeros, or empty, gets one of its own, in the document too (invariant 4)."""
    station.sections[0] |= keys
    for number, zero in enumerate(ZEROS):
        drop(station, f"{number}.log", {"sn": f"SN{number}", "id": zero})
    assert station.run().waiting == ()
    assert sorted(at_server(station).values()) == [[f"SN{number}"] for number in range(len(ZEROS))]
    for report_id, (body,) in station.server.received.items():
        assert json.loads(body)["id"] == report_id and uuid.UUID(report_id).int


def test_one_id_in_two_files_is_a_warning_and_the_second_waits(station: Station) -> None:
    """The first report is not overwritten; ``allow_same_id`` lets the second one replace it once the file is moved back."""
    drop(station, "1.log", {"sn": "SN1", "id": ONE})
    station.run()
    drop(station, "2.log", {"sn": "SN2", "id": f"{{{ONE.upper()}}}"})
    station.run()
    assert at_server(station) == {ONE: ["SN1"]}
    first, second = station.entries()
    assert (first.warnings, len(second.warnings)) == ((), 1) and first.archive_id in second.warnings[0]
    assert command("status", "--config", station.write_config()).returncode == 1
    assert station.names("ict/Error") == ["2.log"] and station.arrivals()[-1].state is ArrivalState.REFUSED
    with station.archive() as archive:
        (kept,) = archive.reports_of(second.archive_id)
    assert kept.submission_state is SubmissionState.REFUSED and "allow_same_id" in (kept.last_error or "")
    assert "1 of 1" in command("list", "--submission", "refused", "--config", station.write_config()).stdout
    station.sections[0]["allow_same_id"] = True
    (station.root / "ict" / "Error" / "2.log").rename(station.root / "ict" / "watch" / "2.log")
    assert station.run().waiting == ()
    assert units(station) == ["SN1", "SN2"]


def test_the_second_of_one_id_can_be_sent_as_a_new_one(station: Station) -> None:
    """``reprocess --submit`` sends nothing over another source's report; ``--new-id`` sends it beside it."""
    drop(station, "1.log", {"sn": "SN1", "id": ONE})
    station.run()
    drop(station, "2.log", {"sn": "SN2", "id": ONE})
    station.run()
    second = (
        "reprocess",
        "start",
        station.entries()[1].archive_id,
        "--submit",
        "--yes",
        "--config",
        station.write_config(),
    )
    held = command(*second)
    assert held.returncode == 1 and "allow_same_id" in held.stdout, held.stdout
    assert command(*second, "--new-id").returncode == 0
    station.run()
    assert at_server(station)[ONE] == ["SN1"] and units(station) == ["SN1", "SN2"]


def test_a_copy_of_a_file_is_no_other_report(station: Station) -> None:
    """The same document under another file name goes out under its id again, which changes nothing at the server."""
    for name in ("1.log", "copy.log"):
        drop(station, name, {"sn": "SN1", "id": ONE})
        assert station.run().waiting == ()
    assert at_server(station) == {ONE: ["SN1", "SN1"]} and station.names("ict/Error") == []


def test_a_file_that_the_server_refused_may_come_again_in_another_file(station: Station) -> None:
    """What the server did not take is overwritten by nothing: a corrected file with the same id is sent."""
    drop(station, "1.log", {"sn": "SN1", "id": ONE, "machineName": None})
    station.run()
    assert station.names("ict/Error") == ["1.log"]
    drop(station, "1-corrected.log", {"sn": "SN1", "id": ONE})
    assert station.run().waiting == () and at_server(station) == {ONE: ["SN1"]}


def test_two_reports_of_one_id_in_one_file_are_two_reports(station: Station) -> None:
    """The first keeps the id, the second gets one of its own, with a warning; the same document twice is one (invariant 4)."""
    drop(station, "1.log", {"sn": "SN1", "id": ONE}, {"sn": "SN2", "id": ONE}, {"sn": "SN1", "id": ONE})
    assert station.run().waiting == ()
    found = at_server(station)
    assert found.pop(ONE) == ["SN1", "SN1"] and list(found.values()) == [["SN2"]]
    assert station.entry().warnings == (f"report 2 has the id of report 1 ({ONE}): it was given another one",)


def test_a_held_report_is_an_alert_while_the_service_runs(station: Station) -> None:
    """Nobody has to wait for a restart to learn that a report is not sent: the alert has its reason."""
    drop(station, "1.log", {"sn": "SN1", "id": ONE})
    station.run()
    with station.serving():
        drop(station, "2.log", {"sn": "SN2", "id": ONE})
        (alert,) = wait_for(lambda: [each for each in alerts(station) if each.name == "reports.refused"])
    assert alert.subject == "ict" and "allow_same_id" in str(alert.details["reason"])


def alerts(station: Station) -> tuple[OpenAlert, ...]:
    with station.archive() as archive:
        return open_alerts(archive)
