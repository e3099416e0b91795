"""The events of the log about the outcome of a source: converted, suspended, finished."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pywats_archive.conversion.source_log import log_of
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import SubmissionState, UnitResult, worst

_ERRORS = (ArrivalState.FAILED, ArrivalState.REFUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The facts about a finished source that the log shows."""

    state: ArrivalState
    to: str | None
    """Where the source is now, as in the ledger; None if it stays."""
    reason: str | None
    submissions: Sequence[SubmissionState]
    serial_number: str | None
    result: str | None
    """The worst result of the units in its reports."""
    warnings: Sequence[str]
    duration_ms: int | None
    """How long its conversion took."""


def log_converted(arrival: Arrival, result: ConversionResult, *, waits_for_server: bool) -> None:
    """Log how a conversion ended; ``waits_for_server``: its reports cannot be sent at present."""
    succeeded = result.status is ConversionStatus.SUCCESS
    log_of(arrival).log(
        logging.INFO if succeeded else logging.WARNING,
        "source.converted",
        status=result.status.value,
        reports=len(result.documents),
        error=result.error,
        serial_number=_serial_of(result),
        result=_result_of(result),
        duration_ms=result.duration_ms,
        waits_for_server=waits_for_server and bool(result.documents),
    )


def log_suspended(arrival: Arrival, result: ConversionResult) -> None:
    """Log that a source waits for its next conversion, with its place."""
    log_of(arrival).warning(
        "source.suspended",
        reason=result.error,
        to=arrival.moved_to,
        retry_at=arrival.retry_at.isoformat() if arrival.retry_at else None,
        attempts=arrival.attempts,
        duration_ms=result.duration_ms,
    )


def log_finished(arrival: Arrival, outcome: Outcome) -> None:
    """Log that a source is finished: an error if it failed or was refused, a warning if it has warnings."""
    log_of(arrival).log(
        logging.ERROR if outcome.state in _ERRORS else logging.WARNING if outcome.warnings else logging.INFO,
        "source.finished",
        state=outcome.state.value,
        to=outcome.to,
        reason=outcome.reason,
        reports=len(outcome.submissions),
        accepted=sum(1 for each in outcome.submissions if each is SubmissionState.ACCEPTED),
        serial_number=outcome.serial_number,
        result=outcome.result,
        warnings=list(outcome.warnings),
        duration_ms=outcome.duration_ms,
    )


def of_entry(
    entry: ArchiveEntry, state: ArrivalState, *, to: str | None, reason: str | None, sent: Sequence[SubmissionState]
) -> Outcome:
    """Return the outcome of an archived source."""
    return Outcome(
        state=state,
        to=to,
        reason=reason,
        submissions=sent,
        serial_number=entry.serial_number,
        result=entry.result.value if entry.result else None,
        warnings=entry.warnings,
        duration_ms=entry.conversion_duration_ms,
    )


def of_result(
    converted: ConversionResult,
    state: ArrivalState,
    *,
    to: str | None,
    reason: str | None,
    sent: Sequence[SubmissionState],
) -> Outcome:
    """Return the outcome of a source that is not archived."""
    return Outcome(
        state=state,
        to=to,
        reason=reason,
        submissions=sent,
        serial_number=_serial_of(converted),
        result=_result_of(converted),
        warnings=converted.warnings,
        duration_ms=converted.duration_ms,
    )


def _serial_of(result: ConversionResult) -> str | None:
    return next((each.serial_number for each in result.summaries if each.serial_number), None)


def _result_of(result: ConversionResult) -> str | None:
    found = worst(UnitResult.read(each.result) for each in result.summaries)
    return found.value if found else None
