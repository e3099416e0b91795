"""A converter's reports as the exact JSON for the server, and what they lack."""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_REQUIRED = (
    "id",
    "type",
    "pn",
    "sn",
    "rev",
    "processCode",
    "result",
    "machineName",
    "location",
    "purpose",
    "start",
    "root",
)
_REPAIR_REQUIRED = tuple(name for name in _REQUIRED if name != "root")


_DEEPEST = 200
"""The deepest nesting of a report; one that contains itself is deeper."""


class NotJson(Exception):
    """A report has a value that JSON cannot represent."""


def flatten(result: Any) -> list[Any]:
    """Return all reports of a result, each once: ``report`` (which may be a list) and then ``reports``."""
    found: dict[int, Any] = {}
    for report in _each((result.report, result.reports)):
        found.setdefault(id(report), report)
    return list(found.values())


def _each(given: Any) -> Iterator[Any]:
    if isinstance(given, list | tuple):
        for inner in given:
            yield from _each(inner)
    elif given is not None:
        yield given


def encode(fields: Any) -> bytes:
    """Write JSON as httpx does; NotJson names a value that JSON cannot represent."""
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        where = next(_impossible(fields, ""), "/")
        raise NotJson(f"the report cannot be sent as JSON: {where} ({exc})") from exc


def as_fields(report: Any) -> dict[str, Any]:
    """Return a model as the host's own submission dumps it, and a dict unchanged; NotJson for anything else."""
    if isinstance(report, dict):
        return report
    if not hasattr(report, "model_dump"):
        raise NotJson(f"the converter gave a {type(report).__name__} as a report; it must be a report model or a dict")
    fields: dict[str, Any] = report.model_dump(mode="json", by_alias=True, exclude_none=True)
    info = getattr(report, "info", None)
    if "uurInfo" in fields and info is not None:
        for name, attribute in _REPAIR_FIELDS.items():
            fields["uurInfo"].setdefault(name, getattr(info, attribute))
    return fields


_REPAIR_FIELDS = {
    "processCode": "process_code",
    "refUUT": "ref_uut",
    "confirmDate": "confirm_date",
    "finalizeDate": "finalize_date",
    "execTime": "exec_time",
}
"""What pywats-api 0.6.0rc1 adds to the dump of a repair report before it posts it."""


def _impossible(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{path[:200]}… is nested too deeply"
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str | int | float | bool | None):
                yield f"{path or '/'} has a {type(name).__name__} as a name"
            yield from _impossible(name, f"{path}/{name!a} (the name)", depth + 1) if _is_torn(name) else ()
            yield from _impossible(inner, f"{path}/{name}", depth + 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _impossible(inner, f"{path}[{number}]", depth + 1)
    elif _is_torn(value):
        yield f"{path or '/'} is not valid Unicode: {value[:80]!a}"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path or '/'} is {value}"
    elif not isinstance(value, str | int | float | bool | None):
        yield f"{path or '/'} is a {type(value).__name__}"


def _is_torn(value: Any) -> bool:
    """Return whether a text has half a surrogate pair, as a file name that is not UTF-8 does."""
    return isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value)


def shortcomings(documents: list[dict[str, Any]], class_name: str, source: Path) -> list[str]:
    """Return warnings about what a successful result lacks."""
    found = [] if documents else ["success, but no report"]
    for number, fields in enumerate(documents, 1):
        found += [f"report {number}: {fault}" for fault in _faults(fields)]
    expected = _RUNS.get(class_name, _unknown)(source)
    if expected is not None and len(documents) < expected:
        found.append(f"the source holds {expected} runs, the converter made {len(documents)} report(s) of them")
    return found


def _faults(report: dict[str, Any]) -> Iterator[str]:
    is_repair = report.get("type") == "R"
    missing = [name for name in (_REPAIR_REQUIRED if is_repair else _REQUIRED) if report.get(name) in (None, "")]
    if "start" in missing and report.get("startUTC"):
        missing.remove("start")
    if missing:
        yield f"lacks {', '.join(missing)}, which WATS requires"
    root = report.get("root")
    if not is_repair and isinstance(root, dict) and not _has_step(root):
        yield "has no steps"


def _has_step(sequence: dict[str, Any]) -> bool:
    """Whether a sequence holds a step; sequences within it that hold none are not counted."""
    steps = sequence.get("steps")
    if not isinstance(steps, list):
        return False
    return any(not _is_sequence(step) or _has_step(step) for step in steps)


def _is_sequence(step: Any) -> bool:
    return isinstance(step, dict) and ("steps" in step or "seqCall" in step)


def _unknown(source: Path) -> int | None:
    return None


def _runs_in_zip(source: Path) -> int | None:
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(source) as packed:
        return sum(bool(re.fullmatch(r"Run \d+\.xml", name, re.IGNORECASE)) for name in packed.namelist())
    return None


def _boards(source: Path) -> int | None:
    """SPEA writes a line ``SN;`` for each board of a panel."""
    with suppress(OSError), source.open("rb") as lines:
        return sum(line.startswith(b"SN;") for line in lines) or None
    return None


def _board_elements(source: Path) -> int | None:
    """Seica writes an element ``BI`` for each board."""
    with suppress(OSError), source.open("rb") as lines:
        return sum(len(re.findall(rb"<BI[\s>]", line)) for line in lines) or None
    return None


_RUNS: dict[str, Callable[[Path], int | None]] = {
    "SeicaXMLConverter": _board_elements,
    "SPEAConverter": _boards,
    "XJTAGConverter": _runs_in_zip,
}
"""Functions that count the runs of a source, for formats where that is possible, by converter class."""
