"""An example converter: a folder with one file for each hour of a burn-in."""

import json
from datetime import datetime

from pywats.domains.report.report_models import UUTReport
from pywats.shared.enums import CompOp
from pywats_client.converters.folder_converter import FolderConverter
from pywats_client.converters.models import ConverterResult


class BurnInFolder(FolderConverter):
    """Reads ``unit.json`` and ``hour-*.txt`` of a folder that is complete once it contains ``COMPLETE.marker``."""

    @property
    def name(self):
        return "Burn-in folder"

    @property
    def version(self):
        return "1.0.1"

    def convert(self, source, context):
        unit = json.loads((source.folder_path / "unit.json").read_text(encoding="utf-8"))
        report = UUTReport(
            pn=unit["part"],
            sn=unit["serial"],
            rev=unit["revision"],
            process_code=30,
            station_name=context.station_name or "BURN-IN",
            location="Oven 1",
            purpose="Burn-in",
            result="P",
            start=datetime.fromisoformat(unit["started"]),
        )
        root = report.get_root_sequence_call()
        for hour in sorted(source.get_files_by_pattern("hour-*.txt")):
            value = float(hour.read_text(encoding="utf-8"))
            verdict = "P" if value <= 85.0 else "F"
            report.result = "F" if verdict == "F" else report.result
            root.add_numeric_step(
                name=hour.stem, value=value, unit="C", comp_op=CompOp.LE, low_limit=85.0, status=verdict
            )
        return ConverterResult.success_result(report=report)
