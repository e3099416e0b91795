"""The options of a run."""

from __future__ import annotations

from dataclasses import dataclass

from pywats_archive.models.time import Clock
from pywats_archive.pipeline.config_watch import ConfigFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The options of a run."""

    config: ConfigFile
    until_idle: bool
    """Retry everything immediately, and end when nothing is waiting."""
    repair: bool
    """Rebuild a missing or damaged catalog at the start."""
    accept_notes: bool
    """Accept notes in Done that this station did not sign; a person vouches for them."""
    metrics: str | None
    """Where to serve metrics for Prometheus: ``PORT`` or ``HOST:PORT``; None to serve none."""
    clock: Clock
