"""Whether an earlier and a new report are the same document except for their ids; asked if their tests are equal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.report_ids.pairing import Alike
from pywats_archive.archive.results.document import fields_of
from pywats_archive.errors import ArchiveError
from pywats_archive.models.report import Report


def alike(archive: Archive, before: Sequence[Report], documents: Sequence[bytes]) -> Alike:
    """Compare the latest document of an id with a new one; an unreadable one equals none."""
    latest = {report.report_id: report for report in before}

    @cache
    def old(report_id: str) -> dict[str, Any] | None:
        try:
            return _but_for_id(archive.document(latest[report_id]))
        except (ArchiveError, KeyError, ValueError):
            return None

    @cache
    def new(ordinal: int) -> dict[str, Any]:
        return _but_for_id(documents[ordinal - 1])

    return lambda report_id, ordinal: old(report_id) == new(ordinal)


def _but_for_id(body: bytes) -> dict[str, Any]:
    return {key: value for key, value in fields_of(body).items() if key != "id"}
