"""Whether each converter can be loaded, in a process of its own as the service loads it."""

from __future__ import annotations

import os

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.pool.processes import AtStop, ConverterProcesses
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.errors import ArchiveError
from pywats_archive.host.job import ConverterDescription, job_for
from pywats_archive.host.settings.secrets import redact
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.conversion import ConverterInfo

_MOST_PROCESSES = 4


def process_count(station: StationConfig) -> int:
    """Return how many converters are loaded at the same time."""
    return max(1, min(len(enabled(station)), os.cpu_count() or 1, _MOST_PROCESSES))


def enabled(station: StationConfig) -> tuple[ConverterConfig, ...]:
    """Return the converters that the service loads."""
    return tuple(each for each in station.converters if each.enabled)


def check_converter(config: ConverterConfig, station: StationConfig, processes: ConverterProcesses) -> StationCheck:
    """Load a converter's code, create an instance, and end both within the time that the service allows."""
    described = describe(config, station, processes)
    if isinstance(described, str):
        return _failed(config, described)
    return _loaded(config, described.info)


def describe(
    config: ConverterConfig, station: StationConfig, processes: ConverterProcesses
) -> ConverterDescription | str:
    """Return the description of a converter as it is loaded, or why it cannot be loaded."""
    limit_s = min(worker.DESCRIBED_WITHIN_S, config.timeout_seconds)
    job = job_for(config, station)
    try:
        described = processes.run(worker.describe_converter, job, timeout_s=limit_s, at_stop=AtStop.END)
    except ArchiveError as exc:
        described = str(exc)
    return redact(described, config.arguments, None) if isinstance(described, str) else described


def _failed(config: ConverterConfig, reason: str) -> StationCheck:
    return StationCheck(
        topic=Topic.CONVERTER,
        subject=config.name,
        level=CheckLevel.FAILED,
        seen=reason,
        advice="correct its code or its module_path; until then nothing is converted by it",
    )


def _loaded(config: ConverterConfig, info: ConverterInfo) -> StationCheck:
    origin = info.distribution or (info.code_files[0][0] if info.code_files else config.module_path)
    seen = f"{' '.join(filter(None, (info.class_name, info.version)))} ({origin})"
    if info.kind in ("legacy", config.converter_type):
        return StationCheck(topic=Topic.CONVERTER, subject=config.name, seen=seen)
    return StationCheck(
        topic=Topic.CONVERTER,
        subject=config.name,
        level=CheckLevel.WARNING,
        seen=f"{seen}: it is a {info.kind} converter, and converter_type is '{config.converter_type}'",
        advice=f"set converter_type to '{info.kind}'",
    )
