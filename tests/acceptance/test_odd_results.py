"""A converter's result or description may be of any size: only its own file fails, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive.models.entry import ConversionStatus

ODD = """
class Odd(Any):
    version = property(lambda self: "v" * int(os.environ.get("ODD_VERSION", "1")))
    def outcome(self, source, context):
        kind = source.path.stem
        if kind == "long_id":
            return ConverterResult.success_result(report=report("SN1", id="x" * 66_000))
        if kind == "huge_number":
            return ConverterResult.success_result(report=report(10 ** 5000, id=kind))
        if kind == "long_serial":
            return ConverterResult.success_result(report=report("s" * 1_000_000, id=kind, start="9999999-01-01"))
        if kind.startswith("waits_"):
            delay = {"for_ever": timedelta.max, "inf": float("inf"), "nan": float("nan"), "back": timedelta.min}
            return ConverterResult.suspended_result("later", retry_after=delay[kind[6:]])
        return super().outcome(source, context)
"""


def test_a_report_id_that_no_header_holds_fails_its_source_alone(station: Station) -> None:
    """The conversion is FAILED and says why; before, such a source was tried for ever (invariant 12)."""
    station.code(ODD)
    watch = station.add("odd", "own.Odd", max_retries=1)
    for name in ("long_id", "good"):
        (watch / f"{name}.log").write_bytes(name.encode())
    station.run()
    assert station.names("odd/Error") == ["long_id.log"] and station.names("odd/Done") == ["good.log"]
    (failed,) = station.entries(status=ConversionStatus.FAILED)
    assert "its id has 66,000 characters" in (failed.conversion_error or "")


def test_values_beyond_every_measure_block_nothing(station: Station) -> None:
    """Serial numbers, times and delays of any size come to an end, each by itself (invariant 12)."""
    station.code(ODD)
    watch = station.add("odd", "own.Odd", max_retries=1)
    names = ["huge_number", "long_serial", "waits_for_ever", "waits_inf", "waits_nan", "waits_back", "good"]
    for name in names:
        (watch / f"{name}.log").write_bytes(name.encode())
    station.run()
    assert station.names("odd/watch") == []
    states = {Path(a.path).stem: a.state.value for a in station.arrivals()}
    assert states == {name: "done" if name in ("good", "long_serial") else "failed" for name in names}


def test_a_version_that_no_header_holds_is_told_before_anything_is_archived(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sources wait, with the reason, and go on once the converter is mended (invariant 11)."""
    station.code(ODD)
    (station.add("odd", "own.Odd") / "a.log").write_bytes(b"x")
    monkeypatch.setenv("ODD_VERSION", "66000")
    (told,) = station.run().waiting
    assert "its version has 66,000 characters" in told and station.names("odd/watch") == ["a.log"]
    monkeypatch.setenv("ODD_VERSION", "1000")
    assert station.run().waiting == () and station.names("odd/Done") == ["a.log"]
