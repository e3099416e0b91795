"""Calls of a converter, each in its own process: is a folder complete, convert it, call the hook at its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pywats_archive.conversion.pool.processes import AtStop, ConverterProcesses
from pywats_archive.conversion.source_log import log_of
from pywats_archive.errors import ArchiveError, ConversionInterrupted, ConverterUnavailable, WorkersUnavailable
from pywats_archive.host.settings.secrets import redact_result
from pywats_archive.host.worker import entry
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.processing import sharing


class ConverterCalls:
    """Calls converters; results contain no secrets in clear. Safe to use from many threads."""

    def __init__(self, processes: ConverterProcesses) -> None:
        self._processes = processes

    def convert(self, lane: Lane, path: Path) -> ConversionResult:
        """Convert the source at ``path``, within the time limit.

        ConverterUnavailable when the code cannot be loaded: the lane's breaker is open then, and its sources wait.
        WorkersUnavailable and ConversionInterrupted do not depend on the source.
        """
        if lane.converter.error:
            raise lane.converter.error
        codes = lane.interceptor.codes if lane.interceptor else None
        job = replace(lane.job, source_path=str(path), known_code=codes.latest if codes else None)
        result = self._processes.convert(job, timeout_s=lane.config.timeout_seconds)
        if codes and result.converter is None:  # its process was ended; it ran the stored code
            result = replace(result, converter=codes.info(job.known_code))
        if result.is_unavailable:
            raise lane.converter.trip(result.error or "its code cannot be loaded")
        return redact_result(result, lane.config.arguments)

    def outbid(self, lane: Lane, arrival: Arrival) -> ConversionResult | None:
        """Return a SKIPPED result if another converter of the folder, with the same priority, has a higher confidence."""
        others = {each.name: self._confidence(each, arrival) for each in sharing.rivals(lane, arrival.path)}
        own = self._confidence(lane, arrival) if others else 0.0
        surer = sharing.surest(own, others)
        if surer is None:
            return None
        reason = f"'{surer}' has a higher confidence: {others[surer]:.2f}, against {own:.2f} here"
        return ConversionResult(status=ConversionStatus.SKIPPED, error=reason)

    def _confidence(self, lane: Lane, arrival: Arrival) -> float:
        job = replace(lane.job, source_path=arrival.path)
        try:
            return self._processes.run(entry.validate_only, job, timeout_s=lane.config.timeout_seconds)
        except (WorkersUnavailable, ConversionInterrupted):  # does not depend on the source
            raise
        except ArchiveError as exc:
            source = replace(arrival, converter_name=lane.name)  # it may be another converter's
            log_of(source).warning("source.not_judged", reason=lane.converter.redacted(exc))
            return 0.0

    def is_ready(self, lane: Lane, arrival: Arrival) -> bool:
        """Return whether a folder is complete; also when its converter fails to answer.

        ConverterUnavailable when the converter's code cannot be loaded, as in ``convert``.
        """
        if lane.converter.error:
            raise lane.converter.error
        job = replace(lane.job, source_path=arrival.path)
        try:
            return self._processes.run(entry.is_folder_ready, job, timeout_s=lane.config.timeout_seconds)
        except (WorkersUnavailable, ConversionInterrupted):
            raise
        except ConverterUnavailable as exc:
            raise lane.converter.trip(str(exc)) from exc
        except ArchiveError as exc:
            log_of(arrival).warning("folder.readiness_unknown", reason=lane.converter.redacted(exc))
            return True

    def call_hooks(self, lane: Lane, arrival: Arrival, result: ConversionResult) -> None:
        """Call the converter's hook: its source has left the watch folder."""
        call = entry.HookCall(job=replace(lane.job, source_path=arrival.path), result=result)
        try:
            fault = self._processes.run(
                entry.call_hook, call, timeout_s=lane.config.timeout_seconds, at_stop=AtStop.BEGIN
            )
        except ArchiveError as exc:
            fault = str(exc)
        if fault:
            log_of(arrival).warning("converter.hook_failed", reason=lane.converter.redacted(fault))
