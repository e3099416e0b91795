"""The lists of a bag's content, ``manifest.json`` and ``manifest.csv``: streamed from the journal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pywats_archive.client.export.bag.work import Line
from pywats_archive.words.audit_csv import harmless

COLUMNS = (
    "kind",
    "archive_id",
    "number",
    "report_id",
    "serial_number",
    "part_number",
    "process",
    "converter",
    "converter_version",
    "parameters",
    "status",
    "result",
    "error",
    "submission",
    "time_utc",
    "received_utc",
    "original",
    "modified_ns",
    "size_bytes",
    "sha256",
    "file",
    "missing_because",
    "archive_uuid",
)


def as_json(head: dict[str, Any], lines: Iterable[Line]) -> Iterator[bytes]:
    """Stream ``manifest.json``: the head's fields, then ``entries``."""
    text = json.dumps(head, indent=1)
    yield text[: text.rindex("\n}")].encode("ascii") + b',\n "entries": ['
    separator = "\n"
    for line in lines:
        entry = {
            **line["row"],
            "archive_uuid": line["archive_uuid"],
            "reports": line["reports"],
            "files": line["files"],
        }
        yield (separator + json.dumps(entry)).encode("ascii")
        separator = ",\n"
    yield b"\n ]\n}\n"


def as_csv(lines: Iterable[Line]) -> Iterator[bytes]:
    """Stream ``manifest.csv``: a row for each entry, companion and report, UTF-8 with a header line."""
    yield _row(COLUMNS)
    for line in lines:
        files, row = line["files"], line["row"]
        common = {"archive_id": row["archive_id"], "archive_uuid": line["archive_uuid"]}
        yield _values(_entry(row) | common | _of(next((f for f in files if f["kind"] == "source"), None)))
        for each in files:
            if each["kind"] == "companion":
                yield _values({"kind": "companion", **common, **_of(each)})
        by_sha256 = {each["sha256"]: each for each in files if each["kind"] == "report"}
        for number, report in enumerate(line["reports"], 1):
            document = by_sha256.get(report["checksum"].partition(":")[2])
            yield _values(_report(report, number) | common | _of(document))


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "entry",
        "serial_number": row["serial_number"],
        "part_number": row["part_number"],
        "converter": row["converter_name"],
        "converter_version": row["converter_version"],
        "parameters": json.dumps(row["conversion_parameters"]) if row["conversion_parameters"] else None,
        "status": row["conversion_status"],
        "result": row["result"],
        "error": row["conversion_error"],
        "time_utc": row["conversion_timestamp"],
        "received_utc": row["created_at"],
        "original": row["source_original_path"],
        "modified_ns": row["source_mtime_ns"],
        "size_bytes": row["source_size_bytes"],
        "sha256": row["source_checksum"].partition(":")[2],
        "missing_because": f"purged {row['purged_at']}" if row["purged_at"] else None,
    }


def _report(report: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "kind": "report",
        "number": number,
        "report_id": report["report_id"],
        "serial_number": report["serial_number"],
        "part_number": report["part_number"],
        "process": report["process"],
        "result": report["result"],
        "submission": report["submission_state"],
        "time_utc": report["start_time"],
        "received_utc": report["accepted_at"],
        "size_bytes": report["size_bytes"],
        "sha256": report["checksum"].partition(":")[2],
    }


def _of(file: dict[str, Any] | None) -> dict[str, Any]:
    if file is None:
        return {}
    found = {"file": file["path"], "original": file["original"], "modified_ns": file["mtime_ns"]}
    found |= {"size_bytes": file["size_bytes"], "sha256": file["sha256"]}
    return found | ({"missing_because": file["error"]} if file["error"] else {})


def _values(values: dict[str, Any]) -> bytes:
    return _row([values.get(name) for name in COLUMNS])


def _row(values: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(["" if each is None else harmless(each) for each in values])
    return text.getvalue().encode()
