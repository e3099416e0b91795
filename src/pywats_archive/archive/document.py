"""A report document: the exact JSON to be sent, its id, and the fields people search by."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One report as bytes, with what is known from within; fields that the report lacks are None."""

    body: bytes
    report_id: str
    serial_number: str | None
    part_number: str | None
    process: str | None
    result: str | None
    start_time: str | None


def read(body: bytes, *, fixed_id: str | None, spare_id: uuid.UUID) -> Document:
    """Read a report's JSON and fix its id: ``fixed_id`` when it has been given one before, else its own, else ``spare_id``.

    The bytes stay as they are unless the id must be written into them.
    """
    fields = _fields(body)
    own = fields.get("id")
    report_id = fixed_id or (str(own) if own else str(spare_id))
    if own != report_id:
        body = json.dumps({**fields, "id": report_id}, ensure_ascii=False, separators=(",", ":")).encode()
    return Document(
        body=body,
        report_id=report_id,
        serial_number=_text(fields, "sn", "serialNumber"),
        part_number=_text(fields, "pn", "partNumber"),
        process=_text(fields, "processCode", "processName"),
        result=_text(fields, "result"),
        start_time=_text(fields, "start", "startUTC"),
    )


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = json.loads(body)
    return fields if isinstance(fields, dict) else {}


def _text(fields: Mapping[str, Any], *names: str) -> str | None:
    return next((str(fields[name]) for name in names if fields.get(name) not in (None, "")), None)
