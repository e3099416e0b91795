"""A station whose converter was fixed after files failed, and its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.station import Station
from tests.web_server import Pages, serving

BEFORE = """
class Limits(Any):
    version = property(lambda self: "1.0")
    def outcome(self, source, context):
        text = source.path.read_text()
        if "new" in text:
            return ConverterResult.failed_result(error="no header <b>here</b>")
        return ConverterResult.success_result(report=report(source.path.stem, high=5.5))
"""
AFTER = """
import pathlib
class Limits(Any):
    version = property(lambda self: "1.1")
    def outcome(self, source, context):
        while pathlib.Path(GATE).exists():
            time.sleep(0.05)
        text = source.path.read_text()
        result = "F" if "turns" in text else "P"
        return ConverterResult.success_result(report=report(source.path.stem, high=5.0, result=result))
"""


@contextmanager
def fixed(root: Path) -> Iterator[Station]:
    """Make a station where four files failed, two passed, and one of these would fail today; then the converter is fixed."""
    with Station(root) as station:
        station.code(BEFORE)
        watch = station.add("ict", "own.Limits")
        for number in range(7):
            text = "new" if number < 4 else "turns" if number == 6 else "x"
            (watch / f"SN{number}.log").write_text(f"{text} {number}")
        station.run()
        station.code(AFTER.replace("GATE", repr(str(gate(station)))))
        yield station


def gate(station: Station) -> Path:
    """Return the file that keeps the fixed converter waiting while it is there."""
    return station.root / "gate"


@contextmanager
def pages_of(station: Station) -> Iterator[Pages]:
    """Serve the pages of a station with its configuration."""
    config = station.write_config()
    with serving("web", "--port", "0", "--config", config) as running:
        yield running


def sent(station: Station) -> dict[str, object]:
    """Return the high limit of each unit that the server has, once the service has sent what waits."""
    station.run()
    kept = (json.loads(bodies[-1]) for bodies in station.server.received.values())
    return {body["sn"]: body["high"] for body in kept}
