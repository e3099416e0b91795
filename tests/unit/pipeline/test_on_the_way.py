"""What is remembered of conversions whose report is with the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.station import Station, wait_for
from tests.unit.catalog import made

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.processing import finishing, in_flight

LOAD = in_flight.load_completion


def test_a_conversion_that_was_forgotten_comes_to_the_same_end(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that is no longer remembered comes from the catalog: the requested action and each refusal (invariant 12)."""
    station.code(
        "class Zips(Any):\n"
        "    def outcome(self, source, context):\n"
        "        result = super().outcome(source, context)\n"
        "        result.post_action = PostProcessAction.ZIP\n"
        "        if source.path.stem == 'S3':\n"
        "            del result.report['pn']\n"
        "        return result\n"
    )
    loaded: list[str] = []

    def counted(archive: object, arrival: object) -> object:
        found = LOAD(archive, arrival)  # type: ignore[arg-type]
        loaded.append(Path(found.entry.source_original_path).name)
        return found

    monkeypatch.setattr(finishing, "load_completion", counted)
    monkeypatch.setattr(in_flight.InFlight, "REMEMBERED", 1)
    watch = station.add("many", "own.Zips", settle_seconds=0)
    for number in range(12):
        (watch / f"S{number}.log").write_bytes(b"%d" % number)
    station.server.stop()
    with station.serving():
        wait_for(lambda: len([e for e in station.entries() if e.report_count]) == 12)
        station.server.start()
        wait_for(lambda: station.names("many/watch") == [])
    assert len(loaded) == 11, "all but the newest are to be forgotten"
    assert station.names("many/Error") == ["S3.log"]
    assert station.names("many/Done") == sorted(f"S{number}.log.zip" for number in range(12) if number != 3)
    states = {Path(arrival.path).stem: (arrival.state.value, arrival.reason or "") for arrival in station.arrivals()}
    state, reason = states.pop("S3")
    assert state == "refused" and "pn" in reason
    assert set(states.values()) == {("done", "")}


def test_the_answer_to_a_replay_is_no_answer_to_the_report_that_waits() -> None:
    """A source is not finished because the server accepted another report of its entry (invariants 4 and 12)."""
    archive: Any = SimpleNamespace(root=Path("archive"))
    entry = made.entry(1)
    own = made.report(entry)
    replayed = replace(own, archived_path="reports/2026/02/13/other.json.gz", submission_state=SubmissionState.ACCEPTED)
    remembered = in_flight.InFlight()
    converted = in_flight.Completion(
        entry=entry, status=ConversionStatus.SUCCESS, requested_action=None, reports=(own,)
    )
    arrival = made.arrival()
    remembered.remember(archive, arrival, converted)
    assert remembered.arrival_of(archive, replayed) is None and not remembered.accept(archive, replayed)
    assert remembered.note_answer(archive, replayed, SubmissionState.ACCEPTED, None) is None
    assert remembered.arrival_of(archive, own) == arrival
    assert remembered.accept(archive, replace(own, submission_state=SubmissionState.ACCEPTED))
