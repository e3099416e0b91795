"""The inputs of a converter: its source, its context with the configured arguments, a connection to the server."""

from __future__ import annotations

import fnmatch
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from pywats_archive.host.describing import schema_of
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.job import ConversionJob


def make_source(job: ConversionJob) -> Any:
    """Return the ConverterSource of a file or folder; a folder's has what pyWATS documents beyond its own class."""
    path = Path(job.source_path)
    source_class = _source_class()
    return source_class.from_folder(path) if path.is_dir() else source_class.from_file(path)


@cache
def _source_class() -> Any:
    base: Any = pywats_module("pywats_client.converters.models").ConverterSource

    class Source(base):  # type: ignore[misc, unused-ignore]
        @property
        def folder_path(self) -> Path | None:
            return self.path if self.is_folder else None

        def get_files_by_pattern(self, pattern: str) -> list[Path]:
            return [file for file in self.files if fnmatch.fnmatch(file.name, pattern)]

    return Source


def make_context(job: ConversionJob, instance: Any, *, api_client: Any = None) -> Any:
    """Return the ConverterContext: arguments as configured, over the defaults of the converter's schema."""
    context_class = pywats_module("pywats_client.converters.context").ConverterContext
    return context_class(
        api_client=api_client if api_client is not None else _server(job),
        drop_folder=_folder(job.watch_folder),
        done_folder=_folder(job.done_folder),
        error_folder=_folder(job.error_folder),
        pending_folder=_folder(job.pending_folder),
        station_name=job.station_name,
        alarm_threshold=job.alarm_threshold,
        reject_threshold=job.reject_threshold,
        max_retries=job.max_retries,
        retry_delay_seconds=int(job.retry_delay_seconds),
        arguments={**_defaults(instance), **job.arguments},
    )


def make_legacy_arguments(job: ConversionJob) -> Any:
    """Return a legacy converter's ConverterArguments."""
    models = pywats_module("pywats_client.converters.models")
    return pywats_module("pywats_client.converters.base").ConverterArguments(
        api_client=_server(job),
        file_info=models.FileInfo(Path(job.source_path)),
        drop_folder=Path(job.watch_folder),
        done_folder=Path(job.done_folder),
        error_folder=Path(job.error_folder),
        user_settings=dict(job.arguments),
    )


def _defaults(instance: Any) -> dict[str, Any]:
    defaults = {name: getattr(definition, "default", None) for name, definition in schema_of(instance).items()}
    return {name: value for name, value in defaults.items() if value is not None}


def _folder(name: str) -> Path | None:
    return Path(name) if name else None


def _server(job: ConversionJob) -> LazyServer | None:
    """The connection that a converter may use; None, as in pyWATS, if no server is configured."""
    return LazyServer(job) if job.service_address and job.api_token else None


class LazyServer:
    """The host's AsyncWATS, created when a converter first uses it."""

    def __init__(self, job: ConversionJob) -> None:
        self._job = job
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._client is None:
            self._client = _connect(self._job)
        return getattr(self._client, name)


class Station:
    """An open connection to the station's server; None if none is configured."""

    def __init__(self, job: ConversionJob) -> None:
        self._client = _connect(job) if job.service_address and job.api_token else None

    async def __aenter__(self) -> Any:
        return await self._client.__aenter__() if self._client else None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client:
            await self._client.__aexit__(kind, error, trace)


def _connect(job: ConversionJob) -> Any:
    client_class = pywats_module("pywats").AsyncWATS
    return client_class(base_url=job.service_address, token=job.api_token, enable_throttling=False)
