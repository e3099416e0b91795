"""Real log files, through the service and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.real_files import CONVERTERS, STANDARD, drop_samples
from tests.station import Station

from pywats_archive.archive.restore.source import restore_source
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState


def test_every_real_file_comes_back_bit_for_bit_with_the_report_its_converter_makes(
    station: Station, samples: Path
) -> None:
    """Each sample is archived as it was; its report equals what the converter gives when called alone (invariants 1, 4)."""
    drop_samples(station, samples)
    assert station.run().waiting == ()
    dropped = {p.name: p for name in CONVERTERS for p in (samples / name).iterdir() if p.is_file()}
    entries = station.entries()
    assert len(entries) == len(dropped)
    with station.archive() as archive:
        for number, entry in enumerate(entries):
            restored = restore_source(archive, entry.archive_id, station.root / "back" / str(number))
            original = dropped[restored.name]
            assert restored.read_bytes() == original.read_bytes()
            assert restored.stat().st_mtime_ns == entry.source_mtime_ns
            alone = _alone(CONVERTERS[entry.converter_name], original)
            assert entry.conversion_status is alone.status
            kept = [archive.document(report) for report in archive.reports_of(entry.archive_id)]
            assert [_lasting(json.loads(body)) for body in kept] == [_lasting(json.loads(b)) for b in alone.documents]


def _alone(class_path: str, source: Path) -> Any:
    return worker.convert(
        ConversionJob(
            module_path=f"{STANDARD}.{class_path}", converters_folder="", source_path=str(source), station_name="TEST"
        )
    )


def _lasting(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report without the values that differ each time: the id, and a start that is taken from the clock."""
    return {name: value for name, value in report.items() if name not in ("id", "start", "startUTC")}


def test_real_reports_reach_the_strict_server(station: Station, samples: Path) -> None:
    """All successful samples but the XML one, whose dict lacks what WATS requires, are accepted with their own bytes."""
    drop_samples(station, samples)
    station.run()
    with station.archive() as archive:
        for entry in station.entries(status=ConversionStatus.SUCCESS):
            (report,) = archive.reports_of(entry.archive_id)
            if entry.converter_name == "wats_xml":
                assert report.submission_state is SubmissionState.REFUSED
            else:
                assert archive.document(report) in station.server.received[report.report_id]


def test_incomplete_successes_are_told(station: Station, samples: Path) -> None:
    """A success without steps, or with fewer reports than runs, is warned of and can be listed."""
    drop_samples(station, samples)
    station.run()
    warned = {Path(e.source_original_path).name: " ".join(e.warnings) for e in station.entries(warned=True)}
    assert "no steps" in warned["new_report_example.json"]
    assert "10 runs" in warned["testdata_SN9871234012.csv"]
    assert any("runs" in text for name, text in warned.items() if name.endswith(".xjlog"))


@pytest.mark.parametrize("rules", [None, ["nothing-*"]], ids=["by-rule", "by-what-was-read"])
def test_klippels_companions_come_with_it(station: Station, samples: Path, rules: list[str] | None) -> None:
    """Klippel's folder is archived by the built-in rule, or, without it, by what the converter read, with a warning."""
    keys = {"archive_companions": rules} if rules else {}
    watch = station.add("klippel", f"{STANDARD}.{CONVERTERS['klippel']}", **keys)
    shutil.copytree(samples / "klippel", watch, dirs_exist_ok=True)
    station.run()
    entry = station.entry()
    found_by = {companion.found_by for companion in entry.companions}
    assert len(entry.companions) == 6
    assert found_by == ({"opened"} if rules else {"rule"})
    assert any("named by no rule" in warning for warning in entry.warnings) is bool(rules)
    with station.archive() as archive:
        restored = restore_source(archive, entry.archive_id, station.root / "back")
    for original in (samples / "klippel").rglob("*.txt"):
        assert (restored.parent / original.relative_to(samples / "klippel")).read_bytes() == original.read_bytes()
