"""One entry converted again: from the archived bytes, in a private folder of the same names, in a process of its own."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.archive import codes, restore
from pywats_archive.archive.core import Archive
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.processes import ConverterKilled, ConverterProcesses
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobMissing
from pywats_archive.host import worker
from pywats_archive.host.job import ConversionJob, ConverterDescription, job_for
from pywats_archive.host.secrets import fingerprint_secrets, redact_result
from pywats_archive.models.conversion import Conversion, ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.replay import Replayed, ReplayRequest


class _Skipped(Exception):
    """The entry cannot be replayed; its words say why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Code:
    """The converter's code as it is today."""

    config: ConverterConfig
    description: ConverterDescription


class Replayer:
    """Replays entries of one archive; safe to use from many threads. ``describe`` comes first, once for each converter."""

    def __init__(
        self,
        archive: Archive,
        station: StationConfig,
        processes: ConverterProcesses,
        request: ReplayRequest,
        *,
        key: bytes,
    ) -> None:
        self._archive = archive
        self._station = station
        self._processes = processes
        self._request = request
        self._key = key
        self._codes: dict[str, _Code | str] = {}
        self._laid_out: dict[str, tuple[str, str]] = {}
        self._mutex = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="pywats-archive-code-")

    def replay(self, entry: ArchiveEntry, original: Conversion | None) -> Replayed:
        """Convert an entry again; what cannot be is skipped with the reason, what fails is a FAILED result."""
        started_at = self._archive.now()
        try:
            code = self._code(entry)
            arguments = self._arguments(code, original)
            with tempfile.TemporaryDirectory(prefix="pywats-archive-") as folder:
                job = replace(job_for(code.config, self._station), arguments=dict(arguments))
                if not self._request.use_current_converter:
                    module_path, where = self._original(code, original)
                    job = replace(job, module_path=module_path, converters_folder=where)
                source = self._restored(entry, Path(folder))
                result = self._converted(code.config, replace(job, source_path=str(source)))
        except BlobDamaged as exc:
            return Replayed(archive_id=entry.archive_id, started_at=started_at, skipped_because=str(exc))
        except _Skipped as exc:
            return Replayed(archive_id=entry.archive_id, started_at=started_at, skipped_because=str(exc))
        secret = code.description.info.password_arguments
        told = fingerprint_secrets(arguments, secret, self._key)
        return Replayed(archive_id=entry.archive_id, started_at=started_at, result=result, parameters=told)

    def conversion(self, entry: ArchiveEntry, replayed: Replayed, *, run_id: int) -> Conversion:
        """Give a replay as the conversion that is recorded."""
        assert replayed.result is not None
        result, code = replayed.result, self._codes[entry.converter_name]
        assert isinstance(code, _Code)
        info = result.converter or code.description.info
        return Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=replayed.started_at,
            duration_ms=result.duration_ms,
            status=result.status,
            converter_name=entry.converter_name,
            converter_class=code.config.module_path,
            converter_version=info.version,
            code_fingerprint=info.fingerprint,
            distribution=info.distribution,
            parameters=replayed.parameters,
            configuration=code.config.model_dump(mode="json", exclude={"arguments"}),
            post_action=None,
            error=result.error,
            traceback=result.traceback,
            warnings=result.warnings,
            run_id=run_id,
        )

    def close(self) -> None:
        """Remove the code that was laid out; idempotent."""
        self._folder.cleanup()

    def _code(self, entry: ArchiveEntry) -> _Code:
        if entry.purged_at:
            raise _Skipped("purged")
        if entry.source_kind is SourceKind.SCHEDULED:
            raise _Skipped("a scheduled converter's result has no source")
        if not entry.source_archived_path:
            raise _Skipped("its source was not kept (archive_source_files is off)")
        if entry.converter_name not in self._codes:
            self._codes[entry.converter_name] = self._described(entry.converter_name)
        found = self._codes[entry.converter_name]
        if isinstance(found, str):
            raise _Skipped(found)
        return found

    def _described(self, converter_name: str) -> _Code | str:
        config = self._station.converter(converter_name)
        if config is None:
            return f"the configuration has no converter '{converter_name}'"
        try:
            job = job_for(config, self._station)
            told = self._processes.run(worker.describe_converter, job, timeout_s=config.timeout_seconds)
        except ArchiveError as exc:
            told = str(exc)
        if isinstance(told, str):
            return f"the converter's code cannot be loaded: {told}"
        return _Code(config=config, description=told)

    def _original(self, code: _Code, original: Conversion | None) -> tuple[str, str]:
        """Give module path and converters folder of the code that made a conversion."""
        now = code.description.info
        today = code.config.module_path, str(self._station.converters_folder)
        if original is None or not original.code_fingerprint:
            raise _Skipped("no conversion of it is on record, so its original converter is not known")
        if (now.fingerprint, now.distribution) == (original.code_fingerprint, original.distribution):
            return today
        was = f"{original.distribution or original.converter_version or '?'}, code {original.code_fingerprint[:15]}"
        if original.distribution:
            if self._request.allow_version and now.distribution == _of_version(original.distribution, self._request):
                return today
            raise _Skipped(f"the original converter ({was}) cannot be had: {now.distribution} is installed")
        with self._mutex:
            if original.code_fingerprint not in self._laid_out:
                self._laid_out[original.code_fingerprint] = self._kept(original.code_fingerprint, was)
            return self._laid_out[original.code_fingerprint]

    def _kept(self, fingerprint: str, was: str) -> tuple[str, str]:
        """Lay kept code out, once for the run: a worker keeps what it loaded by its place."""
        kept = codes.load(self._archive, fingerprint)
        if kept is None:
            raise _Skipped(f"the original converter ({was}) cannot be had: its code was not kept")
        main = codes.lay_out(kept, Path(self._folder.name, fingerprint.partition(":")[2]))
        return f"{main.name}.{kept.class_name}", str(main.parent)

    def _arguments(self, code: _Code, original: Conversion | None) -> Mapping[str, Any]:
        """Today's arguments, or those on record, with secrets from today's configuration (invariant 10)."""
        today = code.config.arguments
        if self._request.use_current_parameters:
            return today
        if original is None:
            raise _Skipped("no conversion of it is on record, so its original parameters are not known")
        secret = code.description.info.password_arguments
        return {name: today.get(name) if name in secret else value for name, value in original.parameters.items()}

    def _restored(self, entry: ArchiveEntry, folder: Path) -> Path:
        try:
            return restore.restore_source(self._archive, entry.archive_id, folder, actor="replay", is_told=False)
        except (BlobDamaged, BlobMissing) as exc:
            raise _Skipped(f"its source is damaged: {exc}") from exc

    def _converted(self, config: ConverterConfig, job: ConversionJob) -> ConversionResult:
        began_s = time.monotonic()
        try:
            result = self._processes.run(worker.convert, job, timeout_s=config.timeout_seconds)
        except ConverterKilled as exc:
            duration = int((time.monotonic() - began_s) * 1000)
            result = ConversionResult(status=ConversionStatus.FAILED, error=str(exc), duration_ms=duration)
        return redact_result(result, job.arguments)


def _of_version(distribution: str, request: ReplayRequest) -> str:
    return f"{distribution.partition(' ')[0]} {request.allow_version}"
