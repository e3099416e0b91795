"""The document of a report as pages show it: whole, or its first part if it has very many values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

from pydantic_core import from_json

from pywats_archive.errors import UsageError
from pywats_archive.models.report import Report
from pywats_archive.words.sizes import human_size

MOST_VALUES = 250_000
"""Of a document that is shown whole, counted by its commas: about 20,000 steps with their limits."""
MOST_BYTES = 64_000_000
MOST_COMPARED_BYTES = 5_000_000
_PIECE = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """The fields of a report."""

    fields: Mapping[str, Any]
    is_cut: bool = False
    """Whether the report has more than these."""


def read_document(content: BufferedIOBase) -> Document:
    """Read the document of a report, up to the limits of a page; the rest of a longer one is neither read nor checked."""
    text, values = bytearray(), 0
    while piece := content.read(_PIECE):
        text += piece
        values += piece.count(b",")
        if values > MOST_VALUES or len(text) > MOST_BYTES:
            return Document(fields=_fields(_first_part(text)), is_cut=True)
    return Document(fields=_fields(json.loads(text)))


def require_comparable(report: Report) -> None:
    """Raise UsageError for a report that is too large to be compared in the pages."""
    if report.size_bytes > MOST_COMPARED_BYTES:
        raise UsageError(
            f"a report of {human_size(report.size_bytes)} is too large to be compared in the pages; "
            "use compare_reports of the Python library"
        )


def _first_part(text: bytearray) -> Any:
    """Read up to the end of the last complete object, so that no number or text in it is cut."""
    try:
        return from_json(memoryview(text)[: text.rfind(b"}") + 1].tobytes(), allow_partial=True)
    except ValueError:  # what comes from elsewhere may have text that is not Unicode
        return {}


def _fields(read: Any) -> dict[str, Any]:
    return read if isinstance(read, dict) else {}
