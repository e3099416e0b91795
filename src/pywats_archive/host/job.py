"""The input of a worker process, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.models.conversion import ConverterInfo

_SELECTING = "AIConverter"


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherConverter:
    """Another converter of the station, for one that selects among them."""

    name: str
    module_path: str
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionJob:
    """One conversion to run; it contains secrets, so it is never logged or stored."""

    module_path: str
    converters_folder: str
    source_path: str = ""
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    station_name: str = ""
    watch_folder: str = ""
    done_folder: str = ""
    error_folder: str = ""
    pending_folder: str = ""
    alarm_threshold: float = 0.5
    reject_threshold: float = 0.2
    max_retries: int = 3
    retry_delay_seconds: float = 60
    readiness_marker: str | None = None
    min_file_count: int | None = None
    memory_limit_mb: float = 0
    known_code: str | None = None
    """The fingerprint of code that the caller has already; it is not sent again. None: the caller wants no code."""
    others: tuple[OtherConverter, ...] = ()
    """The station's other converters, if the configured class is AIConverter."""
    service_address: str = ""
    api_token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterDescription:
    """A converter's description and schedule."""

    info: ConverterInfo
    file_patterns: tuple[str, ...] = ()
    folder_patterns: tuple[str, ...] = ()
    schedule_interval_s: float | None = None
    cron_expression: str | None = None
    run_on_startup: bool = False
    timeout_s: float | None = None
    retry_on_failure: bool = False
    retry_delay_s: float = 30.0


def job_for(config: ConverterConfig, station: StationConfig) -> ConversionJob:
    """Return the template for every job of a converter."""
    default_marker = ConverterConfig.model_fields["readiness_marker"].default
    return ConversionJob(
        module_path=config.module_path,
        converters_folder=str(Path(station.converters_folder)),
        arguments=config.arguments,
        station_name=station.server.station_name,
        watch_folder=config.watch_folder,
        done_folder=config.done_folder,
        error_folder=config.error_folder,
        pending_folder=config.pending_folder,
        alarm_threshold=config.alarm_threshold,
        reject_threshold=config.reject_threshold,
        max_retries=config.max_retries,
        retry_delay_seconds=config.retry_delay_seconds,
        readiness_marker=config.readiness_marker if config.readiness_marker != default_marker else None,
        min_file_count=config.min_file_count,
        memory_limit_mb=config.memory_limit_mb,
        others=_others(config, station),
        service_address=station.server.service_address,
        api_token=station.server.api_token,
    )


def selects(module_path: str) -> bool:
    """Return whether the configured class is pyWATS' AIConverter, which selects another one for each source."""
    return module_path.rpartition(".")[2] == _SELECTING


def _others(config: ConverterConfig, station: StationConfig) -> tuple[OtherConverter, ...]:
    if not selects(config.module_path):
        return ()
    return tuple(
        OtherConverter(name=each.name, module_path=each.module_path, arguments=each.arguments)
        for each in station.converters
        if each.enabled and each.name != config.name and each.converter_type == "file"
    )
