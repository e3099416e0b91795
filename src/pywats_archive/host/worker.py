"""What runs inside a worker process: one converter, one source, and everything it may do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.context import Station, make_context, make_legacy_arguments, make_source
from pywats_archive.host.converters import describe, describe_fully, kind_of, load_class, new_instance
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.job import ConversionJob, ConverterDescription
from pywats_archive.host.reading import recorded_opens
from pywats_archive.host.reports import NotJson, as_fields, encode, flatten, shortcomings, to_json
from pywats_archive.models.conversion import ConversionResult, ConverterInfo
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import summarize


def prepare() -> None:
    """Import what every conversion needs, so that the first one does not wait for it."""
    pywats_module("pywats_client.converters.file_converter")


def convert(job: ConversionJob) -> ConversionResult:
    """Validate and convert one source with a new instance; whatever the converter raises is a FAILED result."""
    started = time.perf_counter()
    with _confined(), recorded_opens() as opened:
        result = _guarded(lambda: _convert(job))
    duration = int((time.perf_counter() - started) * 1000)
    return replace(result, duration_ms=duration, opened_paths=tuple(sorted(opened)))


def _convert(job: ConversionJob) -> ConversionResult:
    loaded = _Loaded.of(job)
    context, source = make_context(job, loaded.instance), make_source(job)
    with loaded.running(context):
        verdict = _validate(job, loaded, source, context)
        if isinstance(verdict, ConversionResult):
            return replace(verdict, converter=loaded.info)
        returned = _run(job, loaded, source, context)
    result = _outcome(returned, job, loaded)
    return replace(result, warnings=(*verdict, *result.warnings), converter=loaded.info, has_hooks=loaded.has_hooks)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    kind: str
    converter: type
    instance: Any
    info: ConverterInfo

    @classmethod
    def of(cls, job: ConversionJob) -> _Loaded:
        converter = load_class(job.module_path, Path(job.converters_folder))
        instance = new_instance(converter, job.arguments)
        kind = kind_of(converter) or "file"
        return cls(
            kind=kind, converter=converter, instance=instance, info=describe(converter, instance, job.module_path)
        )

    @property
    def has_hooks(self) -> bool:
        bases = ("pywats_client.", "abc.")
        hooks = (getattr(self.converter, name, None) for name in ("on_success", "on_failure"))
        return any(hook is not None and not hook.__module__.startswith(bases) for hook in hooks)

    @property
    def judges(self) -> bool:
        """Whether the converter has a ``validate`` of its own; the inherited one only compares names."""
        validate = getattr(self.converter, "validate", None)
        return validate is not None and not validate.__qualname__.startswith(("FileConverter.", "FolderConverter."))

    @contextlib.contextmanager
    def running(self, context: Any) -> Iterator[None]:
        self._call("on_load", context)
        try:
            yield
        finally:
            self._call("on_unload")

    def _call(self, hook: str, *arguments: Any) -> None:
        act = getattr(self.instance, hook, None)
        if act is not None:
            act(*arguments)


def _validate(job: ConversionJob, loaded: _Loaded, source: Any, context: Any) -> ConversionResult | tuple[str, ...]:
    """Give the result when the converter does not take the source, else its warnings."""
    if loaded.kind == "legacy":
        info = pywats_module("pywats_client.converters.models").FileInfo(Path(job.source_path))
        is_valid, reason = loaded.instance.validate_file(info)
        return () if is_valid else ConversionResult(status=ConversionStatus.SKIPPED, error=str(reason))
    verdict = loaded.instance.validate(source, context)
    if not verdict.can_convert:
        return ConversionResult(
            status=ConversionStatus.SKIPPED, error=verdict.message or "the converter does not take it"
        )
    if not verdict.ready:
        error = verdict.message or "not ready"
        return ConversionResult(status=ConversionStatus.SUSPENDED, error=error, retry_after=verdict.retry_after)
    if not loaded.judges:
        return ()
    confidence, told = verdict.confidence, f"confidence {verdict.confidence:.2f} below"
    if confidence < job.reject_threshold:
        error = f"{told} threshold {job.reject_threshold:.2f}: {verdict.message}"
        return ConversionResult(status=ConversionStatus.REJECTED, error=error, confidence=confidence)
    alarm = (f"{told} {job.alarm_threshold:.2f}: {verdict.message}",) if confidence < job.alarm_threshold else ()
    return (*alarm, *map(str, verdict.warnings))


def _run(job: ConversionJob, loaded: _Loaded, source: Any, context: Any) -> Any:
    if loaded.kind == "legacy":
        return loaded.instance.convert_file(Path(job.source_path), make_legacy_arguments(job))
    return loaded.instance.convert(source, context)


def _outcome(returned: Any, job: ConversionJob, loaded: _Loaded) -> ConversionResult:
    models = pywats_module("pywats_client.converters.models")
    if not isinstance(returned, models.ConverterResult):
        error = f"the converter returned {type(returned).__name__}, not a ConverterResult"
        return ConversionResult(status=ConversionStatus.FAILED, error=error)
    status = ConversionStatus(returned.status.value)
    warnings = tuple(map(str, returned.warnings or ()))
    if status is not ConversionStatus.SUCCESS:
        error = returned.error or returned.suspend_reason
        return ConversionResult(status=status, error=_flat(error), warnings=warnings, retry_after=returned.retry_after)
    reports = [as_fields(report) for report in flatten(returned)]
    documents = tuple(map(encode, reports))
    missing = shortcomings(reports, loaded.converter.__name__, Path(job.source_path))
    return ConversionResult(
        status=status,
        documents=documents,
        summaries=tuple(summarize(report if isinstance(report, dict) else {}) for report in reports),
        warnings=(*warnings, *missing),
        post_action=_asked_action(returned, models),
        metadata=_plain(returned.metadata),
    )


def _asked_action(returned: Any, models: Any) -> str | None:
    """The result's post action where it is not the default, which every result has without asking."""
    action = returned.post_action
    return None if action in (None, models.PostProcessAction.MOVE) else str(action.value)


def _plain(values: Any) -> dict[str, Any]:
    try:
        to_json(values)
    except NotJson:
        return {str(name): str(value) for name, value in values.items()}
    return dict(values or {})


def _guarded(attempt: Callable[[], ConversionResult]) -> ConversionResult:
    try:
        return attempt()
    except NotJson as exc:
        return ConversionResult(status=ConversionStatus.FAILED, error=str(exc))
    except ConverterUnavailable as exc:
        cause = exc.__cause__
        trace = "".join(traceback.format_exception(cause)) if cause else None
        return ConversionResult(status=ConversionStatus.FAILED, error=str(exc), traceback=trace)
    except BaseException as exc:
        return ConversionResult(
            status=ConversionStatus.FAILED, error=_one_line(exc), traceback="".join(traceback.format_exception(exc))
        )


def _one_line(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {_flat(exc)}"


def _flat(text: object) -> str | None:
    return " ".join(str(text).split())[:2000] if text is not None else None


@contextlib.contextmanager
def _confined() -> Iterator[None]:
    """Keep what a converter prints away from our output, and its change of folder from the next converter."""
    folder = os.getcwd()  # noqa: PTH109
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        try:
            yield
        finally:
            os.chdir(folder)


class _Nowhere(io.TextIOBase):
    def write(self, text: str, /) -> int:
        return len(text)


def describe_converter(job: ConversionJob) -> ConverterDescription | str:
    """Describe a converter, or say why its code cannot be loaded."""
    try:
        with _confined():
            converter = load_class(job.module_path, Path(job.converters_folder))
            return describe_fully(converter, new_instance(converter, job.arguments), job.module_path)
    except BaseException as exc:
        return str(exc) if isinstance(exc, ConverterUnavailable) else _one_line(exc)


def is_folder_ready(job: ConversionJob) -> bool:
    """Ask a folder converter whether a folder is complete; the configured marker and file count go before its own."""
    folder = Path(job.source_path)
    if job.min_file_count is not None and sum(path.is_file() for path in folder.iterdir()) < job.min_file_count:
        return False
    if job.readiness_marker:
        return (folder / job.readiness_marker).exists()
    with _confined():
        loaded = _Loaded.of(job)
        return bool(loaded.instance.is_folder_ready(folder, make_context(job, loaded.instance)))


def validate_only(job: ConversionJob) -> float:
    """Give the confidence with which a converter claims a source; 0 when it does not or fails to judge."""
    try:
        with _confined():
            loaded = _Loaded.of(job)
            if loaded.kind == "legacy":
                return 0.3
            verdict = loaded.instance.validate(make_source(job), make_context(job, loaded.instance))
            return float(verdict.confidence) if verdict.can_convert else 0.0
    except BaseException:
        return 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HookCall:
    """A finished conversion whose converter wants to hear of it."""

    job: ConversionJob
    result: ConversionResult


def call_hook(call: HookCall) -> str | None:
    """Call ``on_success`` or ``on_failure`` on a new instance; gives what went wrong in it, if anything."""
    try:
        with _confined():
            _call_hook(call.job, call.result)
    except BaseException as exc:
        return _one_line(exc)
    return None


def _call_hook(job: ConversionJob, outcome: ConversionResult) -> None:
    models = pywats_module("pywats_client.converters.models")
    loaded = _Loaded.of(job)
    rebuilt = models.ConverterResult(
        status=models.ConversionStatus(outcome.status.value.lower()),
        reports=[json.loads(body) for body in outcome.documents],
        error=outcome.error,
        warnings=list(outcome.warnings),
        metadata=dict(outcome.metadata),
    )
    rebuilt.report = rebuilt.reports[0] if rebuilt.reports else None
    hook = loaded.instance.on_success if outcome.status is ConversionStatus.SUCCESS else loaded.instance.on_failure
    if loaded.kind == "legacy":
        hook(Path(job.source_path), rebuilt, make_legacy_arguments(job))
    else:
        hook(make_source(job), rebuilt, make_context(job, loaded.instance))


def run_scheduled(job: ConversionJob) -> tuple[ConversionResult, ...]:
    """Run a scheduled converter once; gives each of its results, or the one failure."""
    started = time.perf_counter()
    try:
        with _confined():
            results = asyncio.run(_run_scheduled(job))
    except BaseException as exc:
        failure = ConversionResult(
            status=ConversionStatus.FAILED, error=_one_line(exc), traceback="".join(traceback.format_exception(exc))
        )
        results = (failure,)
    duration = int((time.perf_counter() - started) * 1000)
    return tuple(replace(result, duration_ms=duration) for result in results)


async def _run_scheduled(job: ConversionJob) -> tuple[ConversionResult, ...]:
    loaded = _Loaded.of(job)
    async with Station(job) as api_client:
        context = make_context(job, loaded.instance, api_client=api_client)
        with loaded.running(context):
            loaded.instance.on_run_start(context)
            try:
                returned = list(await loaded.instance.run(context) or ())
            except Exception as exc:
                loaded.instance.on_run_error(exc, context)
                raise
            loaded.instance.on_run_complete(returned, context)
    return tuple(
        replace(_guarded(lambda each=each: _outcome(each, job, loaded)), converter=loaded.info)  # type: ignore[misc]
        for each in returned
    )
