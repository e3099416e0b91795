"""Why a source waits: the open alerts that concern it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from pywats_archive.models.operation.statistics import OpenAlert

_OF_ITS_CONVERTER = frozenset(
    {"archive.failing", "converter.gone", "converter.unavailable", "source.stuck", "source.unexpected"}
)
"""Their subject is a converter."""
_OF_ITS_FOLDER = frozenset({"source.empty", "source.open", "watch.away", "watch.taken", "watch.unreadable"})
"""Their subject is a watch folder."""
_OF_ALL = frozenset(
    {"archive.away", "disk.full", "disk.low", "ledger.damaged", "service.not_running", "workers.unavailable"}
)
"""Their subject is an archive or the station."""


def blockers(alerts: Iterable[OpenAlert], *, converters: Sequence[str], paths: Sequence[str]) -> tuple[OpenAlert, ...]:
    """Return the alerts because of which sources of these converters, at these paths, may wait."""
    return tuple(each for each in alerts if _concerns(each, converters, paths))


def _concerns(alert: OpenAlert, converters: Sequence[str], paths: Sequence[str]) -> bool:
    if alert.name in _OF_ITS_CONVERTER:
        return alert.subject in converters
    if alert.name in _OF_ITS_FOLDER:
        return any(PurePath(path).is_relative_to(alert.subject) for path in paths)
    return alert.name in _OF_ALL
