"""The configuration file of a running service: whether it changed, whether it is accepted, what in it is doubtful."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.pipeline.alerting.alerts import REJECTED, Alerts
from pywats_archive.redaction import redacted

log = structlog.get_logger()


Stamp = tuple[int, int]
"""Modification time (ns) and size of a configuration file."""


class ConfigVerdicts:
    """Tells of each configuration whether it is used; one that is rejected is an alert until another one is taken."""

    def __init__(self, path: Path, alerts: Alerts) -> None:
        self._path = str(path)
        self._alerts = alerts

    def reject(self, error: Exception) -> None:
        """Tell that the changed configuration is not used, whatever is wrong with it: the last good one holds."""
        if isinstance(error, ArchiveError):
            reason = str(error)
            log.error("config.rejected", path=self._path, reason=reason)
        else:
            reason = f"{self._path}: {type(error).__name__}: {' '.join(redacted(str(error)).split())[:200]}"
            log.error("config.rejected", path=self._path, reason=reason, exc_info=error)
        self._alerts.clear(REJECTED, self._path)  # the reason may be another one now
        self._alerts.raise_alert(REJECTED, self._path, reason=reason)

    def accept(self, station: StationConfig) -> None:
        """Tell what can hardly be meant in the configuration that is used from now on."""
        self._alerts.clear(REJECTED, self._path)
        for doubt in doubtful(station):
            log.warning("config.doubtful", path=self._path, reason=doubt)


class ConfigFile:
    """The configuration file, and the state of it that was handled last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handled: Stamp | None = None
        """None: the file counts as changed."""

    def stamp(self) -> Stamp | None:
        """Return time and size of the file; None when it is not there."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def read(self) -> StationConfig:
        """Read the configuration; take the stamp before, for the file may change meanwhile. ConfigError when it is invalid."""
        return read_station_config(self.path)
