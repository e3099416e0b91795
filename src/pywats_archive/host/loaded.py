"""A converter that was loaded for one job: its class, one instance of it, and its life from load to unload."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.host.confined import one_line
from pywats_archive.host.converters import describe, kind_of, load_class, new_instance
from pywats_archive.host.cutting import know_arguments
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.conversion import ConverterInfo
from pywats_archive.models.entry import ConversionStatus

_HOOKED = (ConversionStatus.SUCCESS, ConversionStatus.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A converter's class with a new instance; one instance serves one job, because converters keep state."""

    kind: str
    converter: type
    instance: Any
    info: ConverterInfo

    @classmethod
    def of(cls, job: ConversionJob) -> Loaded:
        """Load the job's converter; ConverterUnavailable when its code cannot be loaded, or no instance of it be made."""
        converter = load_class(job.module_path, Path(job.converters_folder))
        instance = new_instance(_as_configured(converter, job), job.arguments)
        kind = kind_of(converter) or "file"
        info = describe(converter, instance, job.module_path)
        know_arguments(job, info.password_arguments)
        return cls(kind=kind, converter=converter, instance=instance, info=info)

    def hooks_after(self, status: ConversionStatus) -> bool:
        """Tell whether the converter has an ``on_success`` or ``on_failure`` of its own for this end."""
        name = "on_success" if status is ConversionStatus.SUCCESS else "on_failure"
        hook = getattr(self.converter, name, None)
        return status in _HOOKED and hook is not None and not hook.__module__.startswith("pywats_client.")

    @property
    def judges(self) -> bool:
        """Whether the converter has a ``validate`` of its own; the inherited one only compares names."""
        validate = getattr(self.converter, "validate", None)
        return validate is not None and not validate.__qualname__.startswith(("FileConverter.", "FolderConverter."))

    @contextlib.contextmanager
    def running(self, context: Any) -> Iterator[list[str]]:
        """Call ``on_load`` before and ``on_unload`` after; what goes wrong at the end is only told in the list."""
        self._call("on_load", context)
        faults: list[str] = []
        try:
            yield faults
        finally:
            try:
                self._call("on_unload")
            except (Exception, SystemExit) as exc:
                faults.append(f"on_unload failed: {one_line(exc)}")

    def _call(self, hook: str, *arguments: Any) -> None:
        act = getattr(self.instance, hook, None)
        if act is not None:
            act(*arguments)


def _as_configured(converter: type, job: ConversionJob) -> type:
    """A folder converter with the configured marker and file count in the place of its own."""
    told = {"readiness_marker": job.readiness_marker, "min_file_count": job.min_file_count}
    given = {name: value for name, value in told.items() if value is not None}
    if not given or kind_of(converter) != "folder":
        return converter
    return type(converter.__name__, (converter,), {**given, "__module__": converter.__module__})
