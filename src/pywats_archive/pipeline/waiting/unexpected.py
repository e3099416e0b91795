"""Unexpected errors about a single source: it is delayed and tried again, and the other sources are not affected."""

from __future__ import annotations

import threading

from pywats_archive.conversion.source_log import Origin, log_of
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import UNEXPECTED, Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.waiting.backoff import RetryLater
from pywats_archive.redaction import redacted


class Unexpected:
    """The paths with such errors, with one alert per converter; safe to use from many threads."""

    def __init__(self, alerts: Alerts) -> None:
        self._failures = ArchiveFailures(alerts, UNEXPECTED)
        self._reasons: dict[tuple[str, str], str] = {}
        self._mutex = threading.Lock()

    def add(self, converter: str, path: str, error: Exception, *, archive_id: str | None = None) -> RetryLater:
        """Record an error about the source at ``path``; returns its delay. The traceback is logged once for each reason."""
        reason = (
            f"an unexpected error, see the log ({type(error).__name__}: {' '.join(redacted(str(error)).split())[:200]})"
        )
        with self._mutex:
            before, self._reasons[converter, path] = self._reasons.get((converter, path)), reason
        if before != reason:
            source = Origin(converter_name=converter, path=path, archive_id=archive_id)
            log_of(source).error("source.unexpected", exc_info=error)
        self._failures.add(converter, path, ArchiveError(f"{path}: {reason}"))
        return RetryLater(reason=reason, needs_operator=True, is_unexpected=True)

    def resolve(self, converter: str, path: str) -> None:
        """Record that the error is over, or the source is gone; idempotent, and cheap when there are no errors."""
        if not self._reasons:
            return
        with self._mutex:
            if self._reasons.pop((converter, path), None) is None:
                return
        self._failures.resolve(converter, path)

    def paths(self, converter: str) -> tuple[str, ...]:
        """Return the paths of a converter that have such errors."""
        with self._mutex:
            return tuple(path for name, path in self._reasons if name == converter)

    def blockers(self) -> tuple[str, ...]:
        """Return a line for each path, with its error."""
        with self._mutex:
            return tuple(f"{path}: {reason}" for (_, path), reason in self._reasons.items())
