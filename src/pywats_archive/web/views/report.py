"""The header of a report as WATS people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pywats_archive.web.views.words import visible

_FIELDS = (
    ("Serial number", ("sn", "serialNumber")),
    ("Part number", ("pn", "partNumber")),
    ("Revision", ("rev", "partRevision")),
    ("Operation", ("processName", "processCode")),
    ("Station", ("machineName",)),
    ("Location", ("location",)),
    ("Purpose", ("purpose",)),
    ("Start", ("start", "startUTC")),
    ("Operator", ("operator",)),
    ("Duration (s)", ("execTime",)),
)
_REPAIR_FIELDS = (
    ("Repaired by", ("user",)),
    ("Failed operation", ("processName", "testOperationName", "processCode", "testOperationCode")),
    ("Repair of report", ("refUUT",)),
    ("Confirmed", ("confirmDate",)),
    ("Finished", ("finalizeDate",)),
    ("Comment", ("comment",)),
)
_UNIT_FIELDS = (
    ("Operator", ("user",)),
    ("Duration (s)", ("execTime",)),
    ("Fixture", ("fixtureId",)),
    ("Batch", ("batchSN", "batchNumber")),
    ("Socket", ("testSocketIndex",)),
    ("Comment", ("comment",)),
    ("Error", ("errorMessage", "errorCode")),
)


def header(report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return name and value of each field that a report has."""
    found = _found(report, _FIELDS)
    for part, wanted in (("uut", _UNIT_FIELDS), ("uur", _REPAIR_FIELDS)):
        given = report.get(part)
        found += _found(given, wanted) if isinstance(given, Mapping) else ()
    return found + _further(report)


def _found(given: Mapping[str, Any], wanted: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[str, str], ...]:
    named = (
        (label, next((given[n] for n in names if given.get(n) not in (None, "")), None)) for label, names in wanted
    )
    return tuple((label, visible(value)) for label, value in named if value is not None)


def _further(report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    infos = report.get("miscInfos")
    described = [each for each in infos if isinstance(each, Mapping)] if isinstance(infos, list) else []
    return tuple((visible(each.get("description", "?")), visible(each.get("text", ""))) for each in described)
