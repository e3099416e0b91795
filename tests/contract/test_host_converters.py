"""What the standard converters make of real files, when called alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pywats_archive.host.job import ConversionJob
from pywats_archive.host.worker import entry
from pywats_archive.models.conversion import ConversionResult

_STANDARD = "pywats_client.converters.standard"
JSON = "wats_standard_json_converter.WATSStandardJsonConverter"
KLIPPEL = "klippel_converter.KlippelConverter"
XJTAG = "xjtag_converter.XJTAGConverter"


def convert(class_path: str, source: Path) -> ConversionResult:
    """Convert one file with a standard converter and default arguments."""
    job = ConversionJob(
        module_path=f"{_STANDARD}.{class_path}", converters_folder=str(source.parent), source_path=str(source)
    )
    return entry.convert(job)


@pytest.mark.parametrize(
    ("class_path", "pattern", "status", "told"),
    [
        (JSON, "wats_json/uut-*.json", "SUCCESS", None),
        (JSON, "wats_json/new_report_example.json", "SUCCESS", "has no steps"),
        ("wats_standard_xml_converter.WATSStandardXMLConverter", "wats_xml/*.xml", "SUCCESS", "which WATS requires"),
        (KLIPPEL, "klippel/*.txt", "SUCCESS", None),
        ("seica_xml_converter.SeicaXMLConverter", "seica_xml/*.Xml", "SUCCESS", None),
        ("spea_converter.SPEAConverter", "spea/*.csv", "SUCCESS", "holds 10 runs, the converter made 1"),
        (XJTAG, "xjtag/Demo*.xjlog", "SUCCESS", "holds 6 runs, the converter made 1"),
        (XJTAG, "xjtag/1234_*.xjlog", "SUCCESS", None),
        ("atml_converter.ATMLConverter", "atml/Report*.xml", "FAILED", None),
        ("teradyne_ict_converter.TeradyneICTConverter", "teradyne_ict/*.LOG", "FAILED", "location"),
        (
            "teradyne_spectrum_ict_converter.TeradyneSpectrumICTConverter",
            "teradyne_spectrum_ict/*.txt",
            "FAILED",
            None,
        ),
    ],
)
def test_a_real_file_ends_as_it_did(
    samples: Path, class_path: str, pattern: str, status: str, told: str | None
) -> None:
    """The converters that work on real files work, those that fail fail, and what they leave out is warned of."""
    (source,) = samples.glob(pattern)
    result = convert(class_path, source)
    assert result.status.value == status, result.error
    said = " ".join(map(str, (result.error, *result.warnings)))
    assert told is None or told in said, said


def test_klippel_without_its_folder_is_an_empty_success(samples: Path, tmp_path: Path) -> None:
    """Its companions hold the steps: alone, the file still converts and says nothing, but we warn."""
    (source,) = (samples / "klippel").glob("*.txt")
    whole, alone = convert(KLIPPEL, source), convert(KLIPPEL, Path(shutil.copy(source, tmp_path)))
    steps = [len(json.loads(result.documents[0])["root"].get("steps", ())) for result in (whole, alone)]
    assert steps == [2, 0]
    assert "report 1: has no steps" in alone.warnings and "report 1: has no steps" not in whole.warnings
    beside = {path for path in whole.opened_paths if Path(path).parent.name == source.stem}
    assert beside, "the files that it read beside the source are known"


def test_a_report_id_is_drawn_anew_each_time(samples: Path) -> None:
    """Else a replay would keep its id by itself."""
    (source,) = (samples / "spea").glob("*.csv")
    first, second = (convert("spea_converter.SPEAConverter", source).summaries[0].own_id for _ in range(2))
    assert first and second and first != second
