"""What to do with a source after its conversion: decided from values alone, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pywats_archive.config import ConverterConfig, PostProcessAction
from pywats_archive.models.arrival import Arrival, ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState


def after_conversion(result: ConversionResult, config: ConverterConfig, *, attempts: int) -> NextState:
    """Decide the state after a conversion; ``attempts``: the number of earlier conversions that ended suspended."""
    if result.status is ConversionStatus.SUCCESS:
        state = ArrivalState.WAITING if result.documents else ArrivalState.CONVERTED
        return NextState(state=state, attempts=attempts)
    if result.status is ConversionStatus.SUSPENDED:
        return _after_suspension(result, config, attempts=attempts + 1)
    return NextState(state=ArrivalState.CONVERTED, reason=result.error, attempts=attempts)


def _after_suspension(result: ConversionResult, config: ConverterConfig, *, attempts: int) -> NextState:
    if attempts > config.max_retries:
        reason = f"still suspended after {config.max_retries} retries: {result.error}"
        return NextState(state=ArrivalState.CONVERTED, reason=reason, attempts=attempts)
    delay = result.retry_after or timedelta(seconds=config.retry_delay_seconds)
    return NextState(state=ArrivalState.SUSPENDED, reason=result.error, retry_after=delay, attempts=attempts)


def is_due(arrival: Arrival, now: datetime) -> bool:
    """Whether a suspended arrival may be tried again; also if the clock was set back since it was suspended."""
    return arrival.retry_at is None or arrival.retry_at <= now or now < arrival.changed_at


class Destination(str, Enum):
    """Where a source goes."""

    DONE = "done"
    ERROR = "error"
    ZIPPED = "zipped"
    REMOVED = "removed"
    KEPT = "kept"


REMOVING = (Destination.REMOVED, Destination.ZIPPED)
"""Destinations after which only copies of the source exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an arrival ends: its last state, the destination of its source, and the reason."""

    state: ArrivalState
    destination: Destination
    reason: str | None = None
    clean_leftovers: bool = False


NOT_ACCEPTED = {
    ConversionStatus.SKIPPED: ArrivalState.SKIPPED,
    ConversionStatus.REJECTED: ArrivalState.REJECTED,
}
"""The last states of sources that a converter does not convert: they stay in the watch folder."""
_DESTINATIONS = {
    PostProcessAction.MOVE: Destination.DONE,
    PostProcessAction.DELETE: Destination.REMOVED,
    PostProcessAction.ZIP: Destination.ZIPPED,
    PostProcessAction.KEEP: Destination.KEPT,
    PostProcessAction.ARCHIVE: Destination.REMOVED,
}


def ending(
    status: ConversionStatus,
    submissions: Sequence[SubmissionState],
    config: ConverterConfig,
    *,
    requested_action: str | None = None,
    reason: str | None = None,
    is_archived: bool = True,
) -> Ending:
    """Decide how an arrival ends once its reports are all answered.

    ``requested_action``: the converter's own post action, which takes precedence over the configured one. If the archive does
    not have the source's bytes, ARCHIVE moves it to Done.
    """
    if status in NOT_ACCEPTED:
        return Ending(state=NOT_ACCEPTED[status], destination=Destination.KEPT, reason=reason)
    if status is not ConversionStatus.SUCCESS:
        return Ending(state=ArrivalState.FAILED, destination=Destination.ERROR, reason=reason)
    if SubmissionState.REFUSED in submissions:
        return Ending(state=ArrivalState.REFUSED, destination=Destination.ERROR, reason=reason)
    action = PostProcessAction(requested_action) if requested_action else config.post_action
    if action is PostProcessAction.ARCHIVE and not is_archived:
        return Ending(state=ArrivalState.DONE, destination=Destination.DONE, reason="the archive does not have it")
    cleans = action is PostProcessAction.ARCHIVE
    return Ending(state=ArrivalState.DONE, destination=_DESTINATIONS[action], reason=reason, clean_leftovers=cleans)
