"""An archive of hostile entries: markup, templates, control characters, walls of text; and of empty ones."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>'\""
HOSTILE = MARKUP + "{{7*1910003}}{% raw %}\u202egnp.exe\0\x1b[31m\ud800" + "x" * 10_000
"""What every field of a hostile report says."""
NAME = "<img src=x onerror=alert(1)>{{7*1910003}}\u202egnp.csv"
"""A file may be called that."""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def attached(name: str, content: bytes, kind: str = "image/png") -> dict[str, Any]:
    """Return a file as a report has it."""
    return {"name": name, "contentType": kind, "data": base64.b64encode(content).decode()}


def test_report(text: str = "plain", *, serial: str = "SN1") -> dict[str, Any]:
    """Return a test report with one of everything, in which every free text is ``text``."""
    series = [{"name": text, "xdata": "0;1;2", "ydata": "1;5;3"}, {"name": text, "ydata": f"1;{text};2"}]
    chart = {"chartType": "Line", "label": text, "xLabel": text, "xUnit": text, "yLabel": text, "series": series}
    measure = {"name": text, "value": 1.5, "unit": text, "compOp": text, "lowLimit": 1, "highLimit": text}
    steps = [
        {"name": text, "status": "F", "chart": chart, "numericMeas": [measure], "attachment": attached(text, PIXEL)},
        {"name": text, "status": "P", "reportText": text, "stringMeas": [measure, measure]},
        {"name": text, "status": text, "loop": {"num": 2, "passed": text}, "messagePopup": {"response": text}},
        {"name": text, "status": "P", "loop": {"idx": 0}, "callExe": {"exitCode": text}},
    ]
    return {
        "type": "T", "sn": serial, "pn": "P1", "rev": text, "result": "F", "processName": text, "machineName": text,
        "uut": {"user": text, "comment": text, "errorMessage": text},
        "root": {"name": text, "status": "F", "steps": [{"name": text, "status": "F", "steps": steps}]},
        "miscInfos": [{"description": text, "text": text}],
        "subUnits": [{"partType": text, "pn": text, "sn": text, "rev": text}],
        "assets": [{"sn": text, "assetType": text}], "assetStats": [{"sn": text, "message": text}],
        "binaryData": [attached(text, SVG, "image/svg+xml"), attached("page.html", b"<script>", "text/html")],
    }  # fmt: skip


def repair_report(text: str = "plain") -> dict[str, Any]:
    """Return a repair report, in which every free text is ``text``."""
    failure = {"category": text, "code": text, "comment": text, "comRef": text, "artNumber": text, "refStepName": text}
    return {
        "type": "R", "sn": "SN1", "pn": "P1", "result": "P", "processName": "Repair",
        "uur": {"user": text, "comment": text, "processName": text, "refUUT": text},
        "subUnits": [{"partType": "Main", "pn": "P1", "sn": text, "failures": [failure, failure]}],
    }  # fmt: skip


def fill(root: Path) -> dict[str, str]:
    """Make an archive at ``root / "archive"``; return the ids of its entries by what they are."""
    made: dict[str, str] = {}
    with Archive.open(root / "archive", create=True, own=True) as archive:

        def add(key: str, name: str, content: bytes, *reports: dict[str, Any], error: str | None = None) -> None:
            path = root / name
            if not path.is_dir():
                path.write_bytes(content)
            source = ingest.NewSource(path=path, converter_name="C <b>", companion_rules=("{stem}.extra",))
            made[key] = ingest.archive_source(archive, source).archive_id
            status = ConversionStatus.FAILED if error else ConversionStatus.SUCCESS
            conversion = Conversion(
                archive_id=made[key],
                attempt=0,
                started_at=archive.now(),
                duration_ms=1,
                status=status,
                converter_name="C <b>",
                converter_class="m.C",
                converter_version=MARKUP,
                error=error,
                traceback=error and error[:3000],
                parameters={MARKUP: MARKUP},
                warnings=(MARKUP,),
            )
            bodies = [json.dumps({"id": str(uuid4()), **each}).encode() for each in reports]
            conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=bodies))

        add("plain", "plain.txt", b"plain", test_report(), test_report("again", serial="SN2"))
        add("repair", "repair.txt", b"repair", repair_report())
        serial = HOSTILE[:400].replace("\0", "").replace("\ud800", "")
        rows = HOSTILE.encode("utf-8", "replace")
        add("hostile", NAME, rows, test_report(HOSTILE, serial=serial), repair_report(HOSTILE))
        add("failed", "failed.txt", b"", error=HOSTILE.replace("\0", "").replace("\ud800", ""))
        add("json", "a.json", json.dumps({HOSTILE: [HOSTILE, {HOSTILE: 1.5, "n": None}], "e": []}).encode())
        xml = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace("\0", "").replace("\ud800", "")
        add("xml", "a.xml", f"<a b='1'>{xml.replace(chr(27), '')}<c/></a>".encode())
        add("entities", "b.xml", b'<!DOCTYPE a [<!ENTITY x "&#60;script&#62;">]><a>&x;</a>')
        add("svg", "a.svg", SVG)
        add("html", "a.html", MARKUP.encode())
        add("picture", "a.png", PIXEL)
        add("binary", "a.bin", bytes(range(256)) * 20)
        (root / "folder" / "deep").mkdir(parents=True)
        (root / "folder" / "deep" / NAME).write_bytes(rows)
        (root / "long.extra").write_bytes(b"beside it")
        add("folder", "folder", b"")
        add("long", "long.log", b"".join(b"line %07d\n" % n for n in range(20_000)))
        add("empty", "empty", b"", {})
    return made
