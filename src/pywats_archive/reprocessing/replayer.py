"""One entry converted again: from the archived bytes, in a private folder of the same names, in a process of its own."""

from __future__ import annotations

import ast
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.archive.audit import inventory
from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported.known import imported_ids
from pywats_archive.archive.restore import source as restore
from pywats_archive.archive.results import codes
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.attempt import attempt, settings_of
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import (
    ArchiveError,
    BlobDamaged,
    BlobMissing,
    ConversionInterrupted,
    WorkersUnavailable,
)
from pywats_archive.host.job import ConversionJob, job_for, selects
from pywats_archive.host.settings.secrets import fingerprint_secrets, is_fingerprint, redact, redact_result
from pywats_archive.host.syntax import parsed
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import Conversion, ConversionResult, ConverterInfo
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.operation.replayed import Replayed
from pywats_archive.portable.scratch import Scratch
from pywats_archive.reprocessing.candidate import Candidate
from pywats_archive.reprocessing.source_ids import files_in, ids_from


class Skipped(Exception):
    """The entry cannot be replayed; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Code:
    """Code that a converter may run: the current code, a candidate, or the code that converted an entry."""

    config: ConverterConfig
    """The station's current configuration of the converter."""
    info: ConverterInfo
    module_path: str
    folder: str
    """The converters folder that it is loaded from."""


class Replayer:
    """Replays entries of one archive; safe to use from many threads."""

    def __init__(
        self,
        archive: Archive,
        station: StationConfig,
        processes: ConverterProcesses,
        request: ReplayRequest,
        *,
        key: bytes,
        scratch: Scratch | None = None,
    ) -> None:
        """``scratch`` is one of the caller, which stays; by default there is an own one until ``close``."""
        self._archive = archive
        self._station = station
        self._processes = processes
        self._request = request
        self._key = key
        self._candidate = Candidate.parse(request.converter_file) if request.converter_file else None
        self._codes: dict[str, _Code | str] = {}
        self._laid_out: dict[str, tuple[Path, ConverterCode]] = {}
        self._break: int | None = None
        """The first event at which the history is broken, 0 if it is intact; None before it was checked."""
        self._mutex = threading.Lock()
        self._scratch = scratch or Scratch()
        self._is_own_scratch = scratch is None

    def replay(self, entry: ArchiveEntry, original: Conversion | None) -> Replayed:
        """Convert an entry again; Skipped if it cannot be replayed, a FAILED result if the conversion fails."""
        code = self._code(entry)
        arguments = self._arguments(code, original)
        runs_as = code if self._request.use_current_converter else self._original(code, original)
        job = replace(
            job_for(code.config, self._station),
            arguments=dict(arguments),
            module_path=runs_as.module_path,
            converters_folder=runs_as.folder,
            known_code="",
        )
        with self._scratch.folder() as folder:
            source = self._restored(entry, folder)
            is_imported = imported_ids(self._archive, entry) is not None
            files = files_in(folder) if is_imported else ()  # before the converter adds some
            result = self._converted(code.config, replace(job, source_path=str(source)))
            source_ids = ids_from(files, result)
        converter = result.converter or runs_as.info
        if self._request.only_code not in (None, converter.fingerprint):
            raise Skipped(
                f"its converter has the code {converter.fingerprint}, and the plan tried {self._request.only_code}"
            )
        return Replayed(
            result=result,
            converter=converter,
            parameters=fingerprint_secrets(arguments, code.info.password_arguments, self._key),
            source_ids=source_ids,
        )

    def conversion(self, entry: ArchiveEntry, replayed: Replayed, *, run_id: int) -> Conversion:
        """Return a replay as the conversion that is recorded."""
        code = self._codes[entry.converter_name]
        assert isinstance(code, _Code)
        return attempt(
            entry,
            replayed.result,
            config=code.config,
            configuration=settings_of(code.config),
            info=replayed.converter,
            parameters=replayed.parameters,
            run_id=run_id,
        )

    def close(self) -> None:
        """Remove the unpacked code; idempotent."""
        if self._is_own_scratch:
            self._scratch.close()

    def _code(self, entry: ArchiveEntry) -> _Code:
        if entry.purged_at:
            raise Skipped("purged")
        if entry.source_kind is SourceKind.SCHEDULED:
            raise Skipped("a scheduled converter's result has no source")
        if not entry.source_archived_path:
            raise Skipped("its source was not kept (archive_source_files is off)")
        with self._mutex:
            if entry.converter_name not in self._codes:
                self._codes[entry.converter_name] = self._described(entry.converter_name)
            found = self._codes[entry.converter_name]
        if isinstance(found, str):
            raise Skipped(found)
        return found

    def _described(self, converter_name: str) -> _Code | str:
        config = self._station.converter(converter_name)
        if config is None:
            return f"the configuration has no converter '{converter_name}'"
        candidate = self._candidate
        job = candidate.in_place_of(config, self._station) if candidate else job_for(config, self._station)
        try:
            described = self._processes.run(worker.describe_converter, job, timeout_s=config.timeout_seconds)
        except (WorkersUnavailable, ConversionInterrupted):  # says nothing of the converter
            raise
        except ArchiveError as exc:
            described = str(exc)
        if isinstance(described, str):
            return f"the converter's code cannot be loaded: {redact(described, config.arguments, None)}"
        return _Code(config=config, info=described.info, module_path=job.module_path, folder=job.converters_folder)

    def _original(self, today: _Code, original: Conversion | None) -> _Code:
        """Return the code that made a conversion."""
        now = today.info
        if original is None or not original.code_fingerprint:
            raise Skipped("no conversion of it is on record, so its original converter is not known")
        if selects(today.module_path) and original.converter_class != today.module_path:
            selected = f"'{original.converter_class}', which AIConverter had selected"
            raise Skipped(f"it was converted by {selected}; replay it with the current converters")
        if (now.fingerprint, now.distribution) == (original.code_fingerprint, original.distribution):
            return _same_file(today, original.converter_class)
        was = f"{original.distribution or original.converter_version or '?'}, code {original.code_fingerprint[:15]}"
        if original.distribution:
            if self._request.allow_version and now.distribution == _of_version(original.distribution, self._request):
                return today
            raise Skipped(f"the original converter ({was}) is not available: {now.distribution} is installed")
        self._require_recorded(original, was)
        with self._mutex:
            if original.code_fingerprint not in self._laid_out:
                self._laid_out[original.code_fingerprint] = self._stored_code(original.code_fingerprint, was)
            main, kept = self._laid_out[original.code_fingerprint]
        info = ConverterInfo(
            converter_class=original.converter_class,
            version=original.converter_version or "",
            fingerprint=original.code_fingerprint,
        )
        module_path = f"{main.name}.{_class_in(kept, original.converter_class)}"
        return replace(today, info=info, module_path=module_path, folder=str(main.parent))

    def _require_recorded(self, original: Conversion, was: str) -> None:
        """Refuse code that only a row names: its fingerprint must be in the conversion's event, in an intact chain."""
        with self._mutex:
            if self._break is None:
                broken = inventory.first_break(self._archive)
                self._break = broken.sequence or 0 if broken else 0
        if self._break:
            raise Skipped(
                f"its original converter is not run: the history is broken at event {self._break}, so the stored code "
                "cannot be trusted; 'pywats-archive verify' shows more"
            )
        if codes.on_record(self._archive, original) != original.code_fingerprint:
            raise Skipped(
                f"the original converter ({was}) is not run: the event of that conversion has another fingerprint; "
                "compare the catalog with a backup"
            )

    def _stored_code(self, fingerprint: str, was: str) -> tuple[Path, ConverterCode]:
        """Unpack stored code, once for the run, since a worker caches what it loaded by its path; returns its main file too."""
        try:
            kept = codes.load(self._archive, fingerprint)
        except BlobDamaged as exc:
            raise Skipped(str(exc)) from exc
        if kept is None:
            raise Skipped(f"the original converter ({was}) is not available: its code was not stored")
        return codes.lay_out(kept, self._scratch.make()), kept

    def _arguments(self, code: _Code, original: Conversion | None) -> Mapping[str, Any]:
        """Today's arguments, or those on record, with secrets from today's configuration where it has them (invariant 10)."""
        today = code.config.arguments
        if self._request.use_current_parameters:
            return today
        if original is None:
            raise Skipped("no conversion of it is on record, so its original parameters are not known")
        secret = code.info.password_arguments
        for name, value in original.parameters.items():
            if name not in secret and is_fingerprint(value):  # its schema was not known when it was recorded
                raise Skipped(f"of its original parameter '{name}' only a fingerprint is on record")
        plain = {name: value for name, value in original.parameters.items() if name not in secret}
        return plain | {name: today[name] for name in original.parameters if name in secret and name in today}

    def _restored(self, entry: ArchiveEntry, folder: Path) -> Path:
        try:
            return restore.restore_source(self._archive, entry.archive_id, folder, actor="replay", record_access=False)
        except (BlobDamaged, BlobMissing) as exc:
            raise Skipped(f"its source is damaged: {exc}") from exc

    def _converted(self, config: ConverterConfig, job: ConversionJob) -> ConversionResult:
        return redact_result(self._processes.convert(job, timeout_s=config.timeout_seconds), job.arguments)


def _of_version(distribution: str, request: ReplayRequest) -> str:
    return f"{distribution.partition(' ')[0]} {request.allow_version}"


def _same_file(today: _Code, converter_class: str) -> _Code:
    """Return today's code as the class that converted: the configuration may name another one in the same file by now."""
    if today.module_path.rpartition(".")[2] == converter_class.rpartition(".")[2]:
        return today
    return replace(today, info=replace(today.info, converter_class=converter_class), module_path=converter_class)


def _class_in(code: ConverterCode, module_path: str) -> str:
    """Return the class in stored code that a module path names: a file is stored once, and may define several converters."""
    named = module_path.rpartition(".")[2]
    try:
        defined = {node.name for node in parsed(code.files[code.main]).body if isinstance(node, ast.ClassDef)}
    except SyntaxError:  # written for another version of Python
        defined = set()
    return named if named in defined else code.class_name
