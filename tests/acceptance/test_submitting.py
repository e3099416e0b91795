"""What the server does with a report: absent, refusing, wrong in its answer, or closed to this station."""

from __future__ import annotations

import time

import pytest
from tests.station import Station, wait_for

from pywats_archive.client import Client
from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from pywats_archive.models.report import SubmissionState


def test_an_absent_server_loses_nothing(station: Station) -> None:
    """Reports wait durably while the server is away, the source in place, and go once it is back (invariant 4)."""
    watch = station.add("away")
    (watch / "a.log").write_bytes(b"x")
    station.write_config()
    station.server.stop()
    with station.serving():
        wait_for(lambda: [each.state.value for each in station.arrivals()] == ["waiting for the server"])
        time.sleep(1)
        assert station.names("away/watch") == ["a.log"]
        assert station.arrivals()[0].state.value == "waiting for the server"
        station.server.start()
        wait_for(lambda: station.names("away/Done") == ["a.log"])
    (report,) = station.details().reports
    assert list(station.server.received) == [report.report_id]


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(500),
        faults.answer(429),
        faults.NO_IDS,
        faults.EMPTY,
        faults.TEXT,
        faults.LOGIN_PAGE,
        faults.wrong_id(),
        faults.DROP_BEFORE_READING,
        faults.DROP_AFTER_ACCEPTING,
    ],
    ids=["500", "429", "no-id", "empty", "text", "login-page", "other-id", "dropped", "dropped-after-accepting"],
)
def test_only_the_reports_own_id_is_an_acceptance(station: Station, fault: Fault) -> None:
    """Whatever else the server does, the report is sent again under the same id until it comes back (invariant 4)."""
    station.server.fault = faults.in_turn([fault, fault])
    (station.add("faulty") / "a.log").write_bytes(b"x")
    assert station.run().waiting == ()
    (report,) = station.details().reports
    assert report.submission_state is SubmissionState.ACCEPTED and report.tries >= 3
    assert list(station.server.received) == [report.report_id]
    assert len(set(station.server.received[report.report_id])) == 1


def test_a_refused_report_is_kept_and_its_source_goes_to_error(station: Station) -> None:
    """A report that the server refuses (400) is kept with the server's words; the source waits in Error."""
    station.code(
        "class Poor(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.success_result(report={'type': 'T', 'sn': 'S1'})\n"
    )
    (station.add("poor", "own.Poor") / "a.log").write_bytes(b"x")
    station.run()
    (report,) = station.details().reports
    assert report.submission_state is SubmissionState.REFUSED
    assert "lacks" in (report.last_error or "")
    assert any("which WATS requires" in warning for warning in station.entry().warnings)
    assert station.names("poor/Error") == ["a.log"]


def test_wrong_credentials_stop_and_are_told(station: Station) -> None:
    """401 means that a person must act: nothing is lost, the run ends and says so."""
    station.server.fault = faults.always(faults.answer(401))
    (station.add("denied") / "a.log").write_bytes(b"x")
    left = station.run()
    assert any("401" in line for line in left.waiting)
    assert station.names("denied/watch") == ["a.log"]
    station.server.fault = None
    assert station.run().waiting == ()
    assert station.names("denied/Done") == ["a.log"]


def test_without_an_archive_an_absent_server_leaves_the_source(station: Station) -> None:
    """With ``archive_enabled`` false the source stays in the watch folder until the server has its report."""
    watch = station.add("plain", archive_enabled=False)
    (watch / "a.log").write_bytes(b"x")
    station.write_config()
    station.server.stop()
    with station.serving():
        time.sleep(3)
        assert station.names("plain/watch") == ["a.log"]
        station.server.start()
        wait_for(lambda: station.names("plain/Done") == ["a.log"])
    assert len(station.server.received) == 1


@pytest.mark.parametrize("archived", [True, False])
def test_refused_credentials_stop_the_outbox(station: Station, archived: bool) -> None:
    """Nothing more is sent once the server refuses the station itself; the run ends and says why (invariant 4)."""
    watch = station.add("locked", archive_enabled=archived)
    for number in range(20):
        (watch / f"SN{number}.log").write_bytes(b"x")
    station.server.fault = faults.always(faults.answer(401, "no such user"))
    left = station.run()
    assert any("401" in reason for reason in left.waiting)
    assert station.server.requests <= 8
    assert len(station.names("locked/watch")) == 20
    station.server.fault = None
    assert station.run().waiting == ()
    assert len(station.names("locked/Done")) == 20 and len(station.server.received) == 20


def test_a_refused_report_is_found(station: Station) -> None:
    """An entry whose report the server refused is listed as such, and its source is found by serial number (invariant 12)."""
    (station.add("refused") / "SN7.log").write_bytes(b"x")
    station.server.fault = faults.always(faults.answer(400, "no such part"))
    station.run()
    (entry,) = station.entries(submission=SubmissionState.REFUSED)
    assert station.entries(submission=SubmissionState.ACCEPTED) == ()
    with Client([station.archive_root]) as client:
        found = client.where_is("SN7")
    assert [a.moved_to for a in found.arrivals] == [str(station.root / "refused/Error/SN7.log")]
    assert found.entries == (entry,)
