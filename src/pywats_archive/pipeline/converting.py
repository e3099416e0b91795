"""One call of a converter, in a process of its own: is the source whole, convert it, tell it how that ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pywats_archive.conversion.processes import AtStop, ConverterProcesses
from pywats_archive.errors import ArchiveError, ConversionInterrupted, ConverterUnavailable, WorkersUnavailable
from pywats_archive.host import worker
from pywats_archive.host.secrets import redact_result
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline import sharing
from pywats_archive.pipeline.line import Line

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """A source that could not be taken through; it is tried again."""

    reason: str
    needs_person: bool
    """Whether it may wait for ever: the archive or a folder failed, or a folder is not complete."""
    is_unexpected: bool = False
    """Whether nobody foresaw the error: it is tried again less and less often."""
    again_s: float | None = None
    """After how long it is tried again; None: as long as such a reason usually lasts."""
    behind: int | None = None
    """The arrival whose end it waits for; then it is tried at once."""


class Converting:
    """Calls converters; whatever one does is its result, without clear secrets. Safe to use from many threads."""

    def __init__(self, processes: ConverterProcesses) -> None:
        self._processes = processes

    def convert(self, line: Line, path: Path) -> ConversionResult:
        """Convert what lies at ``path``, within the time limit.

        ConverterUnavailable when its code cannot be loaded; its line knows it then, and sources wait for it.
        WorkersUnavailable and ConversionInterrupted say nothing of the source.
        """
        if line.unavailable:
            raise line.unavailable
        codes = line.interceptor.codes if line.interceptor else None
        job = replace(line.job, source_path=str(path), known_code=codes.latest if codes else None)
        result = self._processes.convert(job, timeout_s=line.config.timeout_seconds)
        if codes and result.converter is None:  # its process was ended, and ran what is kept
            result = replace(result, converter=codes.info(job.known_code))
        if result.is_unavailable:
            raise line.stop_for(result.error or "its code cannot be loaded")
        return redact_result(result, line.config.arguments)

    def outbid(self, line: Line, path: Path) -> ConversionResult | None:
        """Return the result of a source that another converter of its folder, of the same priority, is surer of, if so."""
        others = {each.name: self._confidence(each, path) for each in sharing.rivals(line, str(path))}
        own = self._confidence(line, path) if others else 0.0
        surer = sharing.surest(own, others)
        if surer is None:
            return None
        told = f"'{surer}' is surer of it: its confidence is {others[surer]:.2f}, here it is {own:.2f}"
        return ConversionResult(status=ConversionStatus.SKIPPED, error=told)

    def _confidence(self, line: Line, path: Path) -> float:
        job = replace(line.job, source_path=str(path))
        try:
            return self._processes.run(worker.validate_only, job, timeout_s=line.config.timeout_seconds)
        except (WorkersUnavailable, ConversionInterrupted):  # says nothing of the source
            raise
        except ArchiveError as exc:
            log.warning("source.not_judged", converter=line.name, path=str(path), reason=line.told(exc))
            return 0.0

    def is_ready(self, line: Line, arrival: Arrival) -> bool:
        """Tell whether a folder is complete; one that nobody can judge is taken.

        ConverterUnavailable when the converter's code cannot be loaded, as in ``convert``.
        """
        if line.unavailable:
            raise line.unavailable
        job = replace(line.job, source_path=arrival.path)
        try:
            return self._processes.run(worker.is_folder_ready, job, timeout_s=line.config.timeout_seconds)
        except (WorkersUnavailable, ConversionInterrupted):
            raise
        except ConverterUnavailable as exc:
            raise line.stop_for(str(exc)) from exc
        except ArchiveError as exc:
            log.warning("folder.not_judged", converter=line.name, path=arrival.path, reason=line.told(exc))
            return True

    def call_hooks(self, line: Line, arrival: Arrival, result: ConversionResult) -> None:
        """Let the converter know that its source has left the watch folder."""
        call = worker.HookCall(job=replace(line.job, source_path=arrival.path), result=result)
        try:
            fault = self._processes.run(
                worker.call_hook, call, timeout_s=line.config.timeout_seconds, at_stop=AtStop.BEGIN
            )
        except ArchiveError as exc:
            fault = str(exc)
        if fault:
            log.warning("converter.hook_failed", converter=line.name, path=arrival.path, reason=line.told(fault))


def log_result(line: Line, archive_id: str, result: ConversionResult) -> None:
    """Log how a conversion ended."""
    told = log.info if result.status is ConversionStatus.SUCCESS else log.warning
    told(
        "source.converted",
        converter=line.name,
        archive_id=archive_id,
        status=result.status.value,
        reports=len(result.documents),
        error=result.error,
    )
