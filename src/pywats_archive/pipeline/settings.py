"""The options of a service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pywats_archive.models.time import Clock, utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class WebAddress:
    """Where the web pages are served."""

    host: str | None
    """None: as the configuration says, or on this computer only."""
    port: int
    """0 for any free one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The options of the service."""

    config_path: Path
    processes: int = 0
    """Converter processes; 0 for one per core."""
    until_idle: bool = False
    """Retry everything immediately, and end when nothing is waiting."""
    repair: bool = False
    """Rebuild a missing or damaged catalog at the start."""
    accept_notes: bool = False
    """Accept notes in Done that this station did not sign; a person vouches for them."""
    metrics: str | None = None
    """Where to serve metrics for Prometheus: ``PORT`` or ``HOST:PORT``; None to serve none."""
    web: WebAddress | None = None
    """Where to serve the web pages; None to serve none."""
    log_file: Path | None = None
    """The file that the log is written to, if it is one; readers of the archive find it there."""
    clock: Clock = utc_now
