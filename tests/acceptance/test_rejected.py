"""While the service runs, no configuration ends it: whatever is wrong with one, the last good one holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event

from pywats_archive.client import Client
from pywats_archive.pipeline.assembly import Assembly
from pywats_archive.pipeline.reload import Reloading

Change = Callable[[dict[str, Any]], str]


def section(key: str, value: Any) -> Change:
    """Change a key of the converter."""

    def change(fields: dict[str, Any]) -> str:
        fields["converters"][0][key] = value
        return json.dumps(fields)

    return change


BAD: list[Change] = [
    section("watch_folder", "a\0b"),
    section("watch_folder", "a\ud800b"),
    section("done_folder", "x" * 5000),
    section("max_archive_size_gb", float("inf")),
    section("retry_delay_seconds", 1e300),
    section("name", "\0"),
    section("archive_companions", ["{"]),
    section("file_patterns", "*.csv"),
    lambda fields: "[" * 100_000 + "]" * 100_000,
    lambda fields: "",
    lambda fields: "null",
    lambda fields: json.dumps({**fields, "converters": {}}),
]


def test_no_configuration_ends_the_service(station: Station) -> None:
    """Each bad one is ``config.rejected`` and an alert, the last good one goes on, and the next good one is taken."""
    watch = station.add("any")
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        path = station.root / "config.json"
        good = path.read_text()
        for change in BAD:
            before = _count(lines, "config.rejected")
            path.write_text(change(json.loads(good)))
            wait_for(lambda before=before: _count(lines, "config.rejected") > before)  # type: ignore[misc]
        with Client([station.archive_root]) as client:
            (alert,) = wait_for(lambda: client.status().alerts)
        assert (alert.name, alert.subject) == ("config.rejected", str(path))
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("any/Done") == ["a.log"])
        changed = json.loads(good)
        changed["converters"][0]["done_folder"] = "any/elsewhere"
        path.write_text(json.dumps(changed))
        wait_for_event(lines, "config.reloaded")
        (watch / "b.log").write_bytes(b"y")
        wait_for(lambda: station.names("any/elsewhere") == ["b.log"])
        with Client([station.archive_root]) as client:
            wait_for(lambda: client.status().alerts == ())


def test_a_configuration_that_fails_half_way_is_taken_back(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error in a change is logged with its traceback, and the station continues as before."""
    watch = station.add("any")
    take_over = Reloading._use

    def fails(self: Any, config: Any, lines: Any) -> None:
        if config.converter("any").priority == 3:
            self._parts.station = config
            self._parts.places.lanes.use(lines)
            raise RuntimeError("nobody foresaw this")
        take_over(self, config, lines)

    monkeypatch.setattr(Reloading, "_use", fails)
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        station.sections[0]["priority"] = 3
        station.write_config()
        wait_for_event(lines, "config.rejected")
        wait_for_event(lines, "config.reloaded")
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("any/Done") == ["a.log"])
    (told,) = [line for line in lines if line["event"] == "config.rejected"]
    assert "RuntimeError: nobody foresaw this" in told["reason"] and told["exc_info"]


def test_a_configuration_that_fails_before_it_is_used_is_rejected(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw while the converters are set up does not end the service: the last good one holds."""
    watch = station.add("any")

    lanes = Assembly.lanes

    def fails(self: Assembly, config: Any, *rest: Any, **more: Any) -> Any:
        if config.converter("any").priority == 3:
            raise RuntimeError("nobody foresaw this")
        return lanes(self, config, *rest, **more)

    monkeypatch.setattr(Assembly, "lanes", fails)
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        station.sections[0]["priority"] = 3
        station.write_config()
        wait_for_event(lines, "config.rejected")
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("any/Done") == ["a.log"])


def test_what_can_hardly_be_meant_is_told_by_service_and_doctor(station: Station) -> None:
    """A pattern that matches nothing is a warning in the log and in ``doctor``, which exits with 1 for it."""
    station.add("any", file_patterns=["*.csv;*.json"])
    with capture_logs() as lines:
        station.run()
    (told,) = [line for line in lines if line["event"] == "config.doubtful"]
    assert told["log_level"] == "warning" and "'*.csv;*.json'" in told["reason"]
    examination = Client.doctor(config=Path(station.root / "config.json"))
    assert examination.warnings == (told["reason"],)


def _count(lines: list[Any], event: str) -> int:
    return sum(1 for line in lines if line["event"] == event)
