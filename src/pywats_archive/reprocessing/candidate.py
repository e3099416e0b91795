"""A converter that is not installed: tried on archived entries in a dry run, before it goes live."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import ArchiveError, ConversionInterrupted, UsageError, WorkersUnavailable
from pywats_archive.host.job import ConversionJob, ConverterDescription, job_for
from pywats_archive.host.settings.secrets import redact
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.operation.replay import ReplayRequest

LOAD_S = 30.0
"""How long its code may take to load; less if the converter's ``timeout_seconds`` is shorter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A file with the class of a converter."""

    path: Path
    """Absolute."""
    class_name: str | None = None
    """None: its only converter class."""

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """Read ``candidate.py`` or ``candidate.py:Class``; UsageError if it is neither, or no such file can be read."""
        head, colon, class_name = text.rpartition(".py:")
        path = Path(f"{head}.py" if colon else text).absolute()
        if path.suffix != ".py" or (colon and not class_name.isidentifier()):
            raise UsageError(f"invalid --converter-file '{text}'; use candidate.py or candidate.py:Class")
        try:
            with path.open("rb"):
                pass
        except OSError as exc:
            raise UsageError(f"--converter-file {path}: {exc.strerror or exc}") from exc
        return cls(path=path, class_name=class_name if colon else None)

    def __str__(self) -> str:
        return f"{self.path}:{self.class_name}" if self.class_name else str(self.path)

    def in_place_of(self, config: ConverterConfig, station: StationConfig) -> ConversionJob:
        """Return the job of a station's converter, with its current arguments, for the candidate's code."""
        module_path = f"{self.path}.{self.class_name}" if self.class_name else str(self.path)
        return replace(job_for(config, station), module_path=module_path, converters_folder=str(self.path.parent))


def checked(request: ReplayRequest, converter_names: Collection[str], station: StationConfig) -> ReplayRequest:
    """Return a request with the whole path of its candidate, if any, once the code that it names was loaded."""
    if not converter_names:
        return request
    if request.converter_file is None:
        if request.only_code is not None:
            _require_code(request.only_code, converter_names, station)
        return request
    candidate = Candidate.parse(request.converter_file)
    _require_candidate(candidate, converter_names, station)
    return replace(request, converter_file=str(candidate))


def _require_candidate(candidate: Candidate, converter_names: Iterable[str], station: StationConfig) -> None:
    """Load a candidate in a worker process; UsageError if that fails, or if it cannot stand for the entries' converter."""
    names = sorted(set(converter_names))
    if len(names) > 1:
        raise UsageError(
            f"--converter-file: the entries belong to {len(names)} converters ({', '.join(names)}); "
            "choose those of one with --converter"
        )
    config = station.converter(names[0])
    if config is None:
        raise UsageError(f"--converter-file: the configuration has no converter '{names[0]}', so it has no arguments")
    found = _described(candidate, config, station)
    if isinstance(found, str):
        raise UsageError(f"--converter-file {candidate.path}: {found}")


def _require_code(fingerprint: str, converter_names: Iterable[str], station: StationConfig) -> None:
    """Load the station's converters in a worker process; UsageError unless they have the code with this fingerprint."""
    for name in sorted(set(converter_names)):
        config = station.converter(name)
        if config is None:
            raise UsageError(f"--from-plan: the configuration has no converter '{name}'")
        found = _loaded(job_for(config, station), timeout_s=min(LOAD_S, config.timeout_seconds))
        if isinstance(found, str):
            raise UsageError(f"--from-plan: the converter '{name}': {redact(found, config.arguments, None)}")
        if found.info.fingerprint != fingerprint:
            raise UsageError(
                f"--from-plan: the converter '{name}' has the code {found.info.fingerprint}, and the plan tried {fingerprint}; "
                "make that the station's converter first, or use --dry-run"
            )


def described(candidate: Candidate, job: ConversionJob, *, timeout_s: float) -> ConverterDescription | str:
    """Describe a candidate that a job names in a process of its own, or say why its code cannot be loaded."""
    found = _loaded(job, timeout_s=timeout_s)
    if isinstance(found, str):
        return _shortened(found, job, candidate.path)
    return "is a scheduled converter, which converts no files" if found.info.kind == "scheduled" else found


def _loaded(job: ConversionJob, *, timeout_s: float) -> ConverterDescription | str:
    try:
        with ConverterProcesses(1) as processes:
            return processes.run(worker.describe_converter, job, timeout_s=timeout_s)
    except (WorkersUnavailable, ConversionInterrupted):  # says nothing of the code
        raise
    except ArchiveError as exc:
        return f"while its code was loaded, {exc}"


def _described(candidate: Candidate, config: ConverterConfig, station: StationConfig) -> ConverterDescription | str:
    """Describe a candidate in place of a station's converter."""
    job = candidate.in_place_of(config, station)
    found = described(candidate, job, timeout_s=min(LOAD_S, config.timeout_seconds))
    return redact(found, config.arguments, None) if isinstance(found, str) else found


def _shortened(message: str, job: ConversionJob, path: Path) -> str:
    """Leave out what the error names already."""
    return message.removeprefix(f"module_path '{job.module_path}': ").removeprefix(f"{path} ")
