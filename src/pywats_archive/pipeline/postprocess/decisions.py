"""What is to be done, decided from values alone; each answer comes with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pywats_archive.config import ConverterConfig, PostProcessAction
from pywats_archive.conversion.interceptor import NextState
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import later


def after_conversion(result: ConversionResult, config: ConverterConfig, *, attempts: int, now: datetime) -> NextState:
    """Decide from a conversion's result; ``attempts`` counts the earlier ones that ended suspended."""
    if result.status is ConversionStatus.SUCCESS:
        state = ArrivalState.WAITING if result.documents else ArrivalState.CONVERTED
        return NextState(state=state, attempts=attempts)
    if result.status is ConversionStatus.SUSPENDED:
        return _after_suspension(result, config, attempts=attempts + 1, now=now)
    return NextState(state=ArrivalState.CONVERTED, reason=result.error, attempts=attempts)


def _after_suspension(result: ConversionResult, config: ConverterConfig, *, attempts: int, now: datetime) -> NextState:
    if attempts > config.max_retries:
        reason = f"still suspended after {config.max_retries} retries: {result.error}"
        return NextState(state=ArrivalState.CONVERTED, reason=reason, attempts=attempts)
    delay = result.retry_after or timedelta(seconds=config.retry_delay_seconds)
    return NextState(state=ArrivalState.SUSPENDED, reason=result.error, retry_at=later(now, delay), attempts=attempts)


def is_due(arrival: Arrival, now: datetime) -> bool:
    """Return whether a suspended arrival may be tried again; at once when the clock was set back since it was suspended."""
    return arrival.retry_at is None or arrival.retry_at <= now or now < arrival.changed_at


class Destination(str, Enum):
    """What becomes of the source itself."""

    DONE = "done"
    ERROR = "error"
    ZIPPED = "zipped"
    REMOVED = "removed"
    KEPT = "kept"


REMOVING = (Destination.REMOVED, Destination.ZIPPED)
"""What leaves nothing of the source but copies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an arrival ends: its last state, and what becomes of the source, and why."""

    state: ArrivalState
    destination: Destination
    reason: str | None = None
    clean_leftovers: bool = False


NOT_TAKEN = {
    ConversionStatus.SKIPPED: ArrivalState.SKIPPED,
    ConversionStatus.REJECTED: ArrivalState.REJECTED,
}
"""How a source ends that its converter would not have: it stays where it lies."""
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
    """Decide how an arrival ends once nothing of it waits for the server.

    ``requested_action`` is the converter's own post action, which goes before the configured one. Without the source's bytes in
    the archive, ARCHIVE keeps it in Done.
    """
    if status in NOT_TAKEN:
        return Ending(state=NOT_TAKEN[status], destination=Destination.KEPT, reason=reason)
    if status is not ConversionStatus.SUCCESS:
        return Ending(state=ArrivalState.FAILED, destination=Destination.ERROR, reason=reason)
    if SubmissionState.REFUSED in submissions:
        return Ending(state=ArrivalState.REFUSED, destination=Destination.ERROR, reason=reason)
    action = PostProcessAction(requested_action) if requested_action else config.post_action
    if action is PostProcessAction.ARCHIVE and not is_archived:
        return Ending(state=ArrivalState.DONE, destination=Destination.DONE, reason="the archive does not hold it")
    cleans = action is PostProcessAction.ARCHIVE
    return Ending(state=ArrivalState.DONE, destination=_DESTINATIONS[action], reason=reason, clean_leftovers=cleans)
