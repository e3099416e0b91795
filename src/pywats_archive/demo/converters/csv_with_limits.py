"""An example converter: CSV files whose limits come in a second file, which may arrive later."""

from datetime import datetime, timedelta

from pywats.domains.report.report_models import UUTReport
from pywats.shared.enums import CompOp
from pywats_client.converters.file_converter import FileConverter
from pywats_client.converters.models import ArgumentDefinition, ArgumentType, ConverterResult, ValidationResult


class CsvWithLimits(FileConverter):
    """Reads ``NAME.csv`` and ``NAME.limits`` beside it."""

    @property
    def name(self):
        return "CSV with limits"

    @property
    def version(self):
        return "1.2.0"

    @property
    def file_patterns(self):
        return ["*.csv"]

    @property
    def arguments_schema(self):
        return {
            "operation": ArgumentDefinition(arg_type=ArgumentType.INTEGER, default=20, description="Process code"),
            "limits_password": ArgumentDefinition(arg_type=ArgumentType.PASSWORD, description="For the limits server"),
        }

    def validate(self, source, context):
        with source.path.open(encoding="utf-8", errors="replace") as lines:
            head = lines.readline()
        if source.path.suffix.lower() != ".csv" or not head.startswith("# ") or head.count(";") != 3:
            return ValidationResult.no_match("the first line names no unit")
        if not source.path.with_suffix(".limits").exists():
            return ValidationResult.not_ready([f"{source.path.stem}.limits"], retry_after=timedelta(seconds=2))
        return ValidationResult.perfect_match()

    def convert(self, source, context):
        head, _, *rows = source.path.read_text(encoding="utf-8").splitlines()
        part, revision, serial, started = head[2:].split(";")
        limits = dict(_limits(source.path.with_suffix(".limits")))
        report = UUTReport(
            pn=part,
            sn=serial,
            rev=revision,
            process_code=context.get_argument("operation", 20),
            station_name=context.station_name or "CSV",
            location="Line 2",
            purpose="Production",
            result="P",
            start=datetime.fromisoformat(started),
        )
        root = report.get_root_sequence_call()
        for row in rows:
            name, value, unit = row.split(";")
            low, high = limits[name]
            verdict = "P" if low <= float(value) <= high else "F"
            report.result = "F" if verdict == "F" else report.result
            root.add_numeric_step(
                name=name,
                value=float(value),
                unit=unit,
                comp_op=CompOp.GELE,
                low_limit=low,
                high_limit=high,
                status=verdict,
            )
        return ConverterResult.success_result(report=report)


def _limits(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        name, low, high = line.split(";")
        yield name, (float(low), float(high))
