"""The functions that run in a worker process: one converter, one source, and its errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.config.keys import PASSPHRASE_VARIABLE
from pywats_archive.errors import ArchiveError, ConverterUnavailable
from pywats_archive.host.converters import load_class, new_instance
from pywats_archive.host.describing import code_of, describe_fully
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.job import ConversionJob, ConverterDescription
from pywats_archive.host.settings.secrets import redact_result
from pywats_archive.host.worker.announcing import ANNOUNCE, Announcement
from pywats_archive.host.worker.context import Station, make_context, make_legacy_arguments, make_source
from pywats_archive.host.worker.isolation import confined, failure, guarded, one_line, silence_output
from pywats_archive.host.worker.loaded import LoadedConverter
from pywats_archive.host.worker.open_recorder import recorded_opens
from pywats_archive.host.worker.outcome import as_delay, outcome_of
from pywats_archive.host.worker.sandbox import SANDBOX
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now

_NAME_ALONE = 0.3
"""pyWATS' own confidence for a match of the name alone."""
DESCRIBED_WITHIN_S = 30.0
"""How long a converter may take to describe itself; a start, a reload and a stop of the service wait for it."""


def prepare() -> None:
    """Make this process a worker: silent, sandboxed, and with the imports of the first conversion done."""
    silence_output()
    os.environ.pop(PASSPHRASE_VARIABLE, None)  # no converter signs
    SANDBOX.activate()
    pywats_module("pywats_client.converters.file_converter")


def convert(job: ConversionJob) -> ConversionResult:
    """Validate and convert one source with a new instance; any exception of the converter is a FAILED result."""
    started_at, started = utc_now(), time.perf_counter()
    with confined(job) as leftovers, recorded_opens() as opened:
        result = guarded(lambda: _convert(job))
    return replace(
        result,
        warnings=(*result.warnings, *leftovers),
        started_at=started_at,
        duration_ms=_ms_since(started),
        opened_paths=tuple(sorted(opened)),
    )


def _convert(job: ConversionJob) -> ConversionResult:
    loaded = LoadedConverter.of(job)
    if job.known_code not in (None, loaded.info.fingerprint):
        ANNOUNCE(Announcement(converter=loaded.info, code=code_of(loaded.converter)))
    result = guarded(lambda: _attempt(job, loaded))
    result = replace(result, converter=loaded.ran, has_hooks=loaded.hooks_after(result.status))
    chosen = loaded.selection.chosen
    return redact_result(result, chosen.arguments) if chosen and chosen.arguments else result


def _attempt(job: ConversionJob, loaded: LoadedConverter) -> ConversionResult:
    context, source = make_context(job, loaded.instance), make_source(job)
    with loaded.running(context) as faults:
        result = guarded(lambda: _judge_and_run(job, loaded, source, context))
    return replace(result, warnings=(*result.warnings, *faults))


def _judge_and_run(job: ConversionJob, loaded: LoadedConverter, source: Any, context: Any) -> ConversionResult:
    verdict = _validate(job, loaded, source, context)
    if verdict.status is not ConversionStatus.PENDING:
        return verdict
    returned = _run(job, loaded, source, context)
    result = outcome_of(returned, loaded.made_by, Path(job.source_path))
    return replace(result, warnings=(*verdict.warnings, *result.warnings))


def _validate(job: ConversionJob, loaded: LoadedConverter, source: Any, context: Any) -> ConversionResult:
    """Return the result if the converter does not accept the source; otherwise PENDING, with its warnings."""
    if loaded.kind == "legacy":
        info = pywats_module("pywats_client.converters.models").FileInfo(Path(job.source_path))
        is_valid, reason = loaded.instance.validate_file(info)
        return _accepted() if is_valid else ConversionResult(status=ConversionStatus.SKIPPED, error=str(reason))
    verdict = loaded.instance.validate(source, context)
    confidence, said = float(verdict.confidence), verdict.message
    if not verdict.can_convert:
        error = said or "the converter does not accept it"
        return ConversionResult(status=ConversionStatus.SKIPPED, error=error)
    if not verdict.ready:
        error, delay = said or "not ready", as_delay(verdict.retry_after)
        return ConversionResult(status=ConversionStatus.SUSPENDED, error=error, retry_after=delay)
    if not loaded.judges:
        return _accepted()
    below = f"confidence {confidence:.2f} below"
    if confidence < job.reject_threshold:
        error = f"{below} threshold {job.reject_threshold:.2f}: {said}"
        return ConversionResult(status=ConversionStatus.REJECTED, error=error)
    alarm = (f"{below} {job.alarm_threshold:.2f}: {said}",) if confidence < job.alarm_threshold else ()
    return replace(_accepted(), warnings=(*alarm, *map(str, verdict.warnings or ())))


def _accepted() -> ConversionResult:
    return ConversionResult(status=ConversionStatus.PENDING)


def _run(job: ConversionJob, loaded: LoadedConverter, source: Any, context: Any) -> Any:
    if loaded.kind == "legacy":
        return loaded.instance.convert_file(Path(job.source_path), make_legacy_arguments(job))
    return loaded.instance.convert(source, context)


def describe_converter(job: ConversionJob) -> ConverterDescription | str:
    """Describe a converter, or say why its code cannot be loaded."""
    try:
        with confined(job):
            converter = load_class(job.module_path, Path(job.converters_folder))
            return describe_fully(converter, new_instance(converter, job.arguments), job.module_path)
    except BaseException as exc:
        return str(exc) if isinstance(exc, ConverterUnavailable) else one_line(exc)


def is_folder_ready(job: ConversionJob) -> bool:
    """Ask a folder converter whether a folder is complete, by the configured marker and file count, if any.

    ConverterUnavailable when its code cannot be loaded, ArchiveError when it cannot say.
    """
    try:
        with confined(job):
            loaded = LoadedConverter.of(job)
            context = make_context(job, loaded.instance)
            with loaded.running(context):
                return bool(loaded.instance.is_folder_ready(Path(job.source_path), context))
    except ConverterUnavailable:
        raise
    except BaseException as exc:
        raise ArchiveError(f"is_folder_ready failed: {one_line(exc)}") from exc


def validate_only(job: ConversionJob) -> float:
    """Return a converter's confidence for a source; 0 if the converter does not accept it, or fails."""
    try:
        with confined(job):
            loaded = LoadedConverter.of(job)
            if loaded.kind == "legacy":
                return _NAME_ALONE
            context = make_context(job, loaded.instance)
            with loaded.running(context):
                verdict = loaded.instance.validate(make_source(job), context)
            return float(verdict.confidence) if verdict.can_convert else 0.0
    except (Exception, SystemExit, asyncio.CancelledError):
        return 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HookCall:
    """A finished conversion whose converter has a hook."""

    job: ConversionJob
    result: ConversionResult


def call_hook(call: HookCall) -> str | None:
    """Call ``on_success`` or ``on_failure`` on a new instance; return its error, if any."""
    try:
        with confined(call.job):
            faults = _call_hook(call.job, call.result)
    except BaseException as exc:
        return one_line(exc)
    return "; ".join(faults) or None


def _call_hook(job: ConversionJob, outcome: ConversionResult) -> list[str]:
    loaded = LoadedConverter.of(job)
    if not loaded.hooks_after(outcome.status):
        return []
    hook = loaded.instance.on_success if outcome.status is ConversionStatus.SUCCESS else loaded.instance.on_failure
    context = make_context(job, loaded.instance)
    with loaded.running(context) as faults:
        if loaded.kind == "legacy":
            hook(Path(job.source_path), _rebuilt(outcome), make_legacy_arguments(job))
        else:
            hook(make_source(job), _rebuilt(outcome), context)
    return faults


def _rebuilt(outcome: ConversionResult) -> Any:
    """Return the host's own result type again, with the reports as they were sent."""
    models = pywats_module("pywats_client.converters.models")
    reports = [json.loads(body) for body in outcome.documents]
    return models.ConverterResult(
        status=models.ConversionStatus(outcome.status.value.lower()),
        report=reports[0] if reports else None,
        reports=reports,
        error=outcome.error,
        warnings=list(outcome.warnings),
        metadata=dict(outcome.metadata),
    )


def run_scheduled(job: ConversionJob) -> tuple[ConversionResult, ...]:
    """Run a scheduled converter once; return each of its results, or a failure if there is none.

    The results of ``run`` are never lost to a later error, since the converter regards them as done.
    """
    started_at, started = utc_now(), time.perf_counter()
    with confined(job) as leftovers:
        results = _run_scheduled(job)
    ms = _ms_since(started)
    return tuple(
        replace(result, warnings=(*result.warnings, *leftovers), started_at=started_at, duration_ms=ms)
        for result in results
    )


def _run_scheduled(job: ConversionJob) -> tuple[ConversionResult, ...]:
    try:
        loaded = LoadedConverter.of(job)
    except BaseException as exc:
        return (failure(exc),)
    returned: list[Any] = []
    faults: list[str] = []
    try:
        asyncio.run(_run_once(job, loaded, returned, faults))
    except BaseException as exc:
        if not returned:
            return (replace(failure(exc), converter=loaded.info),)
        faults.append(f"after its run: {one_line(exc)}")
    results = [guarded(lambda each=each: outcome_of(each, loaded.converter, Path())) for each in returned]  # type: ignore[misc]
    code = None if job.known_code in (None, loaded.info.fingerprint) else code_of(loaded.converter)
    return tuple(replace(r, converter=loaded.info, code=code, warnings=(*r.warnings, *faults)) for r in results)


async def _run_once(job: ConversionJob, loaded: LoadedConverter, returned: list[Any], faults: list[str]) -> None:
    async with Station(job) as api_client:
        context = make_context(job, loaded.instance, api_client=api_client)
        with loaded.running(context) as at_end:
            loaded.instance.on_run_start(context)
            returned += _as_list(await _run_with_error_hook(loaded, context))
            try:
                loaded.instance.on_run_complete(list(returned), context)
            except (Exception, SystemExit) as exc:
                faults.append(f"on_run_complete failed: {one_line(exc)}")
        faults += at_end


async def _run_with_error_hook(loaded: LoadedConverter, context: Any) -> Any:
    try:
        return await loaded.instance.run(context)
    except Exception as exc:
        with contextlib.suppress(Exception):  # what the run raised is the cause that a person needs
            loaded.instance.on_run_error(exc, context)
        raise


def _as_list(given: Any) -> list[Any]:
    if given is None:
        return []
    single = pywats_module("pywats_client.converters.models").ConverterResult
    return [given] if isinstance(given, single) else list(given)


def _ms_since(started: float) -> int:
    return int((time.perf_counter() - started) * 1000)
