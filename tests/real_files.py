"""Real log files, and the converters that they are for."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.station import Station

SAMPLES = Path(__file__).parents[1].parent / "shared" / "samples"
"""They are not part of the project: tests that need them are skipped elsewhere."""
STANDARD = "pywats_client.converters.standard"
CONVERTERS = {
    "wats_json": "wats_standard_json_converter.WATSStandardJsonConverter",
    "wats_xml": "wats_standard_xml_converter.WATSStandardXMLConverter",
    "klippel": "klippel_converter.KlippelConverter",
    "seica_xml": "seica_xml_converter.SeicaXMLConverter",
    "spea": "spea_converter.SPEAConverter",
    "xjtag": "xjtag_converter.XJTAGConverter",
    "atml": "atml_converter.ATMLConverter",
    "teradyne_spectrum_ict": "teradyne_spectrum_ict_converter.TeradyneSpectrumICTConverter",
    "teradyne_ict": "teradyne_ict_converter.TeradyneICTConverter",
}


def drop_samples(station: Station, samples: Path) -> None:
    """Add a converter for each kind, and drop the files that it is for."""
    for name, class_path in CONVERTERS.items():
        watch = station.add(name, f"{STANDARD}.{class_path}", file_patterns=["*.*"])
        shutil.copytree(samples / name, watch, dirs_exist_ok=True)
        for path in watch.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
