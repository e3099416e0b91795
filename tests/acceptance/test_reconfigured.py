"""A changed configuration is taken while the service runs, and a wrong one changes nothing."""

from __future__ import annotations

import pytest
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event


def test_a_changed_configuration_is_taken_without_a_restart(station: Station) -> None:
    """A converter that is added to the configuration works a few seconds later."""
    station.add("first")
    with station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        watch = station.add("second")
        (watch / "a.log").write_bytes(b"x")
        station.write_config()
        wait_for(lambda: station.names("second/Done") == ["a.log"])


@pytest.mark.parametrize("archived", [True, False])
def test_a_busy_station_takes_a_changed_configuration(station: Station, archived: bool) -> None:
    """A changed configuration waits for what is being converted, not for the end of the queue; all is done once (5, 12)."""
    station.code(
        "class Slow(Any):\n"
        "    def outcome(self, source, context):\n"
        "        time.sleep(0.25)\n"
        "        return super().outcome(source, context)\n"
    )
    busy = station.add("busy", "own.Slow", settle_seconds=0, archive_enabled=archived)
    names = sorted(f"S{number}.log" for number in range(60))
    for name in names:
        (busy / name).write_bytes(name.encode())
    with station.serving():
        wait_for(lambda: len(station.server.received) >= 2)
        watch = station.add("second", settle_seconds=0, priority=1)
        (watch / "a.log").write_bytes(b"x")
        station.write_config()
        wait_for(lambda: station.names("second/Done") == ["a.log"])
        assert len(station.names("busy/Done")) < 55, "the queue was over: the test shows nothing"
        wait_for(lambda: station.names("busy/Done") == names)
    assert station.names("busy/watch") == [] and len(station.server.received) == 61
    assert all(len(bodies) == 1 for bodies in station.server.received.values())
    if archived:
        assert {arrival.state.value for arrival in station.arrivals()} == {"done"} and len(station.arrivals()) == 61
        with station.archive() as archive:
            assert {len(archive.details(entry.archive_id).conversions) for entry in station.entries()} == {1}


def test_a_configuration_that_is_wrong_changes_nothing(station: Station) -> None:
    """A configuration that cannot be used is logged, and the previous one stays in force, with its queue (invariant 5)."""
    watch = station.add("first", settle_seconds=0)
    with capture_logs() as lines, station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        station.sections[0]["compression_level"] = 12
        station.write_config()
        wait_for_event(lines, "config.rejected")
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("first/Done") == ["a.log"])
        station.sections[0]["compression_level"] = 9
        station.write_config()
        wait_for_event(lines, "config.reloaded")
        (watch / "b.log").write_bytes(b"y")
        wait_for(lambda: station.names("first/Done") == ["a.log", "b.log"])
    assert [entry.compression_level for entry in station.entries()] == [6, 9]
