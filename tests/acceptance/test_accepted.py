"""The server accepted the only report of a source: that is recorded with the source's end, or alone if the end fails."""

from __future__ import annotations

from typing import Any

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.results import submissions
from pywats_archive.conversion.sending.items import ArchivedItem
from pywats_archive.errors import CatalogError
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.postprocess import actions
from pywats_archive.pipeline.processing.finishing import Finisher
from pywats_archive.pipeline.processing.work_queue import URGENT, WorkQueue


def received(station: Station) -> list[int]:
    """How many times each report came to the server."""
    return [len(bodies) for bodies in station.server.received.values()]


def is_done(station: Station) -> bool:
    return [arrival.state.value for arrival in station.arrivals()] == ["done"]


def check_accepted(station: Station) -> None:
    """The only report is accepted, once on record."""
    details = station.details()
    assert [report.submission_state for report in details.reports] == [SubmissionState.ACCEPTED]
    assert details.reports[0].tries == 1 and details.reports[0].accepted_at
    assert [event.kind for event in details.events].count("report.accepted") == 1


def test_an_acceptance_is_recorded_with_the_end_of_its_source(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One commit has both: no try of the report is recorded by itself (invariants 4, 12)."""
    recorded: list[Any] = []
    monkeypatch.setattr(submissions, "record_try", lambda *told, **named: recorded.append(told))
    (station.add("one") / "a.log").write_bytes(b"a")
    assert station.run().waiting == ()
    assert station.names("one/Done") == ["a.log"] and is_done(station) and not recorded
    check_accepted(station)


def test_an_acceptance_is_recorded_even_if_the_source_cannot_leave(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that stays for now has its acceptance on record, and its report is not sent again (invariant 4)."""
    watch = station.add("one")
    states: list[SubmissionState] = []
    apply = actions.apply

    def refuse_once(*told: Any) -> Any:
        if not states:
            states.append(SubmissionState.WAITING)
            raise OSError("the share does not answer")
        states.extend(report.submission_state for report in station.details().reports)
        return apply(*told)

    monkeypatch.setattr(actions, "apply", refuse_once)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: is_done(station))
    assert states == [SubmissionState.WAITING, SubmissionState.ACCEPTED]
    assert station.names("one/Done") == ["a.log"] and received(station) == [1]
    check_accepted(station)


def test_a_report_whose_acceptance_cannot_be_recorded_is_sent_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes under the same id, without a restart, and its source leaves (invariant 4)."""
    watch = station.add("one")
    left = ["apply", "record"]
    apply, record = actions.apply, Finisher.record_accepted

    def refuse_once(*told: Any) -> Any:
        if "apply" in left:
            left.remove("apply")
            raise OSError("the share does not answer")
        return apply(*told)

    def fail_once(finisher: Finisher, item: ArchivedItem) -> None:
        if "record" in left:
            left.remove("record")
            with monkeypatch.context() as broken:
                broken.setattr(item.archive, "write", _fail)
                record(finisher, item)
        record(finisher, item)

    monkeypatch.setattr(actions, "apply", refuse_once)
    monkeypatch.setattr(Finisher, "record_accepted", fail_once)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: is_done(station))
    assert station.names("one/Done") == ["a.log"] and received(station) == [2] and left == []
    check_accepted(station)


def _fail(unit: object) -> None:
    raise CatalogError("disk I/O error")


def test_an_acceptance_is_recorded_if_a_stop_drops_the_end_of_its_source(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start does not send the report again, and takes the source out of the folder (invariants 4, 15)."""
    begin = WorkQueue._begin
    watch = station.add("one")
    with monkeypatch.context() as stopping, station.serving():
        stopping.setattr(WorkQueue, "_begin", lambda queue, *told: told[0] != URGENT and begin(queue, *told))
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: station.entries() and station.details().reports)
        wait_for(lambda: station.details().reports[0].submission_state is SubmissionState.ACCEPTED)
        assert station.names("one/watch") == ["a.log"]
    assert station.run().waiting == ()
    assert station.names("one/Done") == ["a.log"] and received(station) == [1]
    check_accepted(station)


@pytest.mark.parametrize("obstacle", ["reload", "conversions"])
def test_reports_are_sent_while_no_source_can_leave(station: Station, obstacle: str) -> None:
    """A reload that waits for a conversion, or long conversions in all threads, do not delay other reports (invariant 4)."""
    hold = station.root / "hold"
    station.code(
        "class Held(Any):\n"
        "    def outcome(self, source, context):\n"
        f"        while source.path.stem.startswith('held') and os.path.exists({str(hold)!r}):\n"
        "            time.sleep(0.02)\n"
        "        return super().outcome(source, context)\n"
    )
    hold.write_text("")
    watch = station.add("one", "own.Held", settle_seconds=0)
    for number in range(80):
        (watch / f"S{number}.log").write_bytes(b"%d" % number)
    station.server.stop()
    with station.serving() as service:
        try:
            wait_for(lambda: len([entry for entry in station.entries() if entry.report_count]) == 80)
            held = 1 if obstacle == "reload" else 4  # the threads of one converter process
            for number in range(held):
                (watch / f"held{number}.log").write_bytes(b"held %d" % number)
            wait_for(lambda: len(station.entries()) == 80 + held)
            if obstacle == "reload":
                station.sections[0]["retention_days"] = 30
                station.write_config()
                wait_for(lambda: service.parts.work.queue.is_paused)
            station.server.start()
            service.parts.sending.outbox.reconnect()
            wait_for(lambda: len(received(station)) == 80)
            assert hold.exists()
        finally:
            hold.unlink()
        wait_for(lambda: station.names("one/watch") == [])
    assert sum(received(station)) == 80 + held
