"""A report document: the exact JSON to be sent, under its fixed id."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from pywats_archive.errors import UsageError
from pywats_archive.models.report import ReportSummary, summarize


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One report as bytes, with its id and its search fields."""

    body: bytes
    report_id: str
    summary: ReportSummary


def read(body: bytes, *, fixed_id: str | None, spare_id: uuid.UUID, summary: ReportSummary | None = None) -> Document:
    """Fix a report's id: ``fixed_id`` if it had one before, else its own, else ``spare_id``.

    The bytes stay as they are unless the id must be written into them. ``summary`` saves parsing them. UsageError if a header
    cannot hold the report's own id.
    """
    known = summary or summarize(fields_of(body))
    if fixed_id is None and (fault := known.fault):
        raise UsageError(f"a report cannot be archived: {fault}")
    report_id = fixed_id or known.own_id or str(spare_id)
    return Document(body=_with_id(body, known.own_id, report_id), report_id=report_id, summary=known)


def _with_id(body: bytes, own_id: str | None, report_id: str) -> bytes:
    if own_id == report_id:
        return body
    fields = {**fields_of(body), "id": report_id}
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
        return json.dumps(fields, separators=(",", ":")).encode()


def fields_of(body: bytes) -> dict[str, Any]:
    """Return the fields of a report's JSON object; none for other JSON. ValueError if it is not JSON."""
    fields = parsed(body)
    return fields if isinstance(fields, dict) else {}


def parsed(body: bytes) -> Any:
    """Read a JSON document; ValueError if it is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # a number beyond 64 bits, which the standard library reads
        return json.loads(body)
