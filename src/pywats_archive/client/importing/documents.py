"""Report documents in a Done folder: recognized by their content, if the name is that of a report (``report_stem``)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pywats_archive.archive.results import document as fixed
from pywats_archive.archive.sources import reading
from pywats_archive.client.importing.items import Exact
from pywats_archive.models.report import id_key, summarize

MOST_BYTES = 64_000_000
"""A larger file is a plain source: it is not parsed."""
_ANY_ID = uuid.UUID(int=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A report document in a file."""

    body: bytes
    started: datetime | None
    """Start time of the test; None if it has none that can be read."""
    exact: Exact | None
    """None unless the file is the document, with an id of its own."""


def read(path: Path) -> Found | None:
    """Return the report in a file; None if it is none. Errors as ``reading.read_file``."""
    content = b"".join(reading.read_file(path))
    try:
        fields = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    inner = fields.get("report")
    is_wrapped = isinstance(inner, dict) and not _is_report(fields)
    document: dict[str, Any] = inner if isinstance(inner, dict) and is_wrapped else fields
    if not _is_report(document):
        return None
    summary = summarize(document)
    if summary.fault:
        return None
    try:
        body = orjson.dumps(document) if is_wrapped else content
        fixed.read(body, fixed_id=None, spare_id=_ANY_ID, summary=summary)
    except (ValueError, RecursionError, orjson.JSONEncodeError):
        return None  # nested so deeply that no id can be written into it
    exact = None
    if summary.own_id is not None and not is_wrapped:
        exact = Exact(report_id=id_key(summary.own_id), checksum=reading.checksum_of(body))
    return Found(body=body, started=_moment(summary.start_time), exact=exact)


def _is_report(fields: dict[str, Any]) -> bool:
    """Whether an object is a report: it has a serial number, a part number, a result, and a type or steps (WSJF)."""
    summary = summarize(fields)
    has_unit = bool(summary.serial_number and summary.part_number and summary.result)
    return has_unit and ("root" in fields or "type" in fields)


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone()
    except (ValueError, OverflowError, OSError):
        return None
