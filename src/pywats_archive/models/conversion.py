"""A conversion: one attempt to convert an entry, live or replayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pywats_archive.models.code import ConverterCode
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import ReportSummary
from pywats_archive.models.time import utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterInfo:
    """The description of a converter's code."""

    converter_class: str
    """Where it was loaded from, as configured (``module_path``)."""
    version: str
    fingerprint: str
    """``sha256:<hex>`` of its code (see ``ConverterCode``); empty if there is none."""
    distribution: str | None = None
    """``name version`` of the installed distribution the code comes from."""
    password_arguments: frozenset[str] = frozenset()
    kind: str = "file"
    """``file``, ``folder``, ``scheduled`` or ``legacy``."""
    class_name: str = ""
    code_files: tuple[tuple[str, str], ...] = ()
    """Name and path of each file of its code, the defining one first."""
    is_selected: bool = False
    """Whether AIConverter selected it, so that it is not the configured one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionResult:
    """The outcome of one attempt, as it came out of the worker process.

    ``documents`` holds each report as the exact JSON to be sent, in the converter's order.
    """

    status: ConversionStatus
    documents: tuple[bytes, ...] = ()
    summaries: tuple[ReportSummary, ...] = ()
    """Of the documents, in their order."""
    error: str | None = None
    """One line; the traceback is separate."""
    traceback: str | None = None
    warnings: tuple[str, ...] = ()
    post_action: str | None = None
    """The converter's requested action, as pyWATS names it; None leaves it to the configuration."""
    retry_after: timedelta | None = None
    started_at: datetime = field(default_factory=utc_now, compare=False)
    """When the converter was called, by the station's clock; otherwise when this value was created."""
    duration_ms: int = 0
    opened_paths: tuple[str, ...] = ()
    """Absolute paths of the files that the converter opened for reading."""
    metadata: dict[str, Any] = field(default_factory=dict)
    converter: ConverterInfo | None = None
    code: ConverterCode | None = None
    """The converter's code as it was loaded, unless the caller has stored it already."""
    is_unavailable: bool = False
    """Whether the converter's code could not be loaded: nothing was tried, and the result says nothing about the source."""
    has_hooks: bool = False
    """Whether the converter wants ``on_success`` / ``on_failure`` called after post-processing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """One recorded attempt."""

    conversion_id: int | None = None
    """Number of the conversion."""
    archive_id: str
    """The entry."""
    attempt: int
    """1 for the first; counts every attempt, live or replayed."""
    started_at: datetime
    """When the converter was called."""
    duration_ms: int
    """Duration of the conversion."""
    status: ConversionStatus
    """Outcome of the conversion."""
    converter_name: str
    """The converter."""
    converter_class: str
    """Where the converter was loaded from (``module_path``)."""
    converter_version: str | None = None
    """Version of the converter."""
    code_fingerprint: str = ""
    """``sha256:<hex>`` of the converter's code; empty if there is none."""
    distribution: str | None = None
    """``name version`` of the installed distribution of the code."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The converter's arguments; PASSWORD arguments as keyed fingerprints."""
    configuration: dict[str, Any] = field(default_factory=dict)
    """The rest of the converter's effective configuration at that moment."""
    post_action: str | None = None
    """The converter's requested action; None leaves it to the configuration."""
    error: str | None = None
    """Why it failed, in one line."""
    traceback: str | None = None
    """Python's traceback of the error."""
    warnings: tuple[str, ...] = ()
    """What may be wrong with the reports, a line each."""
    run_id: int | None = None
    """The replay run; None for a live conversion."""
