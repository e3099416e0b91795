"""A converter's result as plain values."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

from pywats_archive.config import PostProcessAction
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.reports import NotJson, as_fields, encode, flatten, shortcomings
from pywats_archive.host.worker.isolation import flat
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import summarize

_LONGEST_DELAY_S = 365 * 86_400


def outcome_of(returned: Any, converter: type, source: Path) -> ConversionResult:
    """Convert the return value of ``convert`` or ``run`` to a result; NotJson if a report cannot be sent."""
    models = pywats_module("pywats_client.converters.models")
    if not isinstance(returned, models.ConverterResult):
        error = f"the converter returned {type(returned).__name__}, not a ConverterResult"
        return ConversionResult(status=ConversionStatus.FAILED, error=error)
    status = ConversionStatus(returned.status.value)
    warnings = tuple(map(str, returned.warnings or ()))
    if status is not ConversionStatus.SUCCESS:
        return ConversionResult(
            status=status,
            error=flat(returned.error or returned.suspend_reason or "the converter gave no reason"),
            warnings=warnings,
            retry_after=as_delay(returned.retry_after),
            metadata=_plain(returned.metadata),
        )
    reports = [as_fields(report) for report in flatten(returned)]
    asked = _asked_action(returned, models)
    is_known = asked is None or asked in {action.value for action in PostProcessAction}
    unknown = () if is_known else (f"asked for the unknown post action {asked!r}; the configured one is used",)
    documents, summaries = tuple(map(encode, reports)), tuple(map(summarize, reports))
    for number, summary in enumerate(summaries, 1):
        if summary.fault:
            error = f"report {number} cannot be archived: {summary.fault}"
            return ConversionResult(status=ConversionStatus.FAILED, error=flat(error), warnings=warnings)
    return ConversionResult(
        status=status,
        documents=documents,
        summaries=summaries,
        warnings=(*warnings, *unknown, *shortcomings(reports, converter.__name__, source)),
        post_action=asked if is_known else None,
        metadata=_plain(returned.metadata),
    )


def as_delay(asked: Any) -> timedelta | None:
    """Return the time a converter wants to wait, a year at most: a timedelta as documented, or a number of seconds."""
    seconds = asked.total_seconds() if isinstance(asked, timedelta) else asked
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        return None
    return timedelta(seconds=float(min(max(seconds, 0), _LONGEST_DELAY_S)))


def _asked_action(returned: Any, models: Any) -> str | None:
    """Return the result's post action; None for the default, which results have without asking for it."""
    action = returned.post_action
    asked = str(getattr(action, "value", action)).lower()
    return None if action is None or asked == models.PostProcessAction.MOVE.value else asked


def _plain(metadata: Any) -> dict[str, Any]:
    """Return metadata as JSON values, so that the result does not need the converter's classes."""
    if not isinstance(metadata, dict):
        return {}
    try:
        plain: dict[str, Any] = json.loads(encode(metadata))
    except NotJson:
        return {str(name): str(value) for name, value in metadata.items()}
    return plain
