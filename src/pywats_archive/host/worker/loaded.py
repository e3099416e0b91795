"""A converter loaded for one job: its class, its instance, and its life from load to unload."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.host.converters import kind_of, load_class, new_instance
from pywats_archive.host.describing import code_of, describe
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.selection import Candidate, Selection
from pywats_archive.host.worker.announcing import ANNOUNCE, Announcement
from pywats_archive.host.worker.cutting import know_arguments
from pywats_archive.host.worker.isolation import one_line
from pywats_archive.models.conversion import ConverterInfo
from pywats_archive.models.entry import ConversionStatus

_HOOKED = (ConversionStatus.SUCCESS, ConversionStatus.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedConverter:
    """A converter's class with a new instance; one instance serves one job, because converters keep state."""

    kind: str
    converter: type
    instance: Any
    info: ConverterInfo
    selection: Selection
    """What it selects from, and what it selected, if it is AIConverter."""
    announces: bool = False

    @classmethod
    def of(cls, job: ConversionJob) -> LoadedConverter:
        """Load the job's converter; ConverterUnavailable if its code cannot be loaded or no instance created."""
        converter = load_class(job.module_path, Path(job.converters_folder))
        instance = new_instance(_as_configured(converter, job), job.arguments)
        kind = kind_of(converter) or "file"
        info = describe(converter, instance, job.module_path)
        know_arguments(job, info.password_arguments)
        return cls(
            kind=kind,
            converter=converter,
            instance=instance,
            info=info,
            selection=Selection(converter, job),
            announces=job.known_code is not None,
        )

    @property
    def made_by(self) -> type:
        """The class that converted: the selected one, if one was selected."""
        return self.selection.chosen.converter if self.selection.chosen else self.converter

    @property
    def ran(self) -> ConverterInfo:
        """The description of the code that converted: that of the selected converter, if one was selected."""
        if self.selection.chosen is None:
            return self.info
        return self._of(self.selection.chosen)

    def _of(self, chosen: Candidate) -> ConverterInfo:
        names = chosen.info.password_arguments | self.info.password_arguments
        return replace(chosen.info, password_arguments=names, is_selected=True)

    def hooks_after(self, status: ConversionStatus) -> bool:
        """Return whether the converter has an ``on_success`` or ``on_failure`` of its own for this end."""
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
        """Call ``on_load`` before and ``on_unload`` after; an error in ``on_unload`` is only added to the list."""
        with self.selection.offered(self._announce) as faults:
            self._call("on_load", context)
            try:
                yield faults
            finally:
                try:
                    self._call("on_unload")
                except (Exception, SystemExit) as exc:
                    faults.append(f"on_unload failed: {one_line(exc)}")

    def _announce(self, chosen: Candidate) -> None:
        if self.announces:
            ANNOUNCE(Announcement(converter=self._of(chosen), code=code_of(chosen.converter)))

    def _call(self, hook: str, *arguments: Any) -> None:
        act = getattr(self.instance, hook, None)
        if act is not None:
            act(*arguments)


def _as_configured(converter: type, job: ConversionJob) -> type:
    """Apply the configured marker and file count to a folder converter."""
    configured = {"readiness_marker": job.readiness_marker, "min_file_count": job.min_file_count}
    given = {name: value for name, value in configured.items() if value is not None}
    if not given or kind_of(converter) != "folder":
        return converter
    return type(converter.__name__, (converter,), {**given, "__module__": converter.__module__})
