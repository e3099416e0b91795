"""The configuration file of a running service: whether it changed, and whether it is accepted."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.pipeline.alerting.alerts import REJECTED, Alerts
from pywats_archive.pipeline.alerting.compliance import Overruled, complied
from pywats_archive.redaction import redacted

log = structlog.get_logger()


Stamp = tuple[int, int]
"""Modification time (ns) and size of a configuration file."""


class ConfigVerdicts:
    """Logs whether a configuration is used; a rejected one is an alert until another one is accepted."""

    def __init__(self, path: Path, alerts: Alerts) -> None:
        self._path = str(path)
        self._alerts = alerts

    def reject(self, error: Exception) -> None:
        """Log and raise that a changed configuration is not used; the last good one stays in force."""
        if isinstance(error, ArchiveError):
            reason = str(error)
            log.error("config.rejected", path=self._path, reason=reason)
        else:
            reason = f"{self._path}: {type(error).__name__}: {' '.join(redacted(str(error)).split())[:200]}"
            log.error("config.rejected", path=self._path, reason=reason, exc_info=error)
        self._alerts.clear(REJECTED, self._path)  # the reason may have changed
        self._alerts.raise_alert(REJECTED, self._path, reason=reason)

    def accept(self, station: StationConfig) -> None:
        """Clear the alert, and log doubtful values in the configuration that is used from now on."""
        self._alerts.clear(REJECTED, self._path)
        for doubt in doubtful(station):
            log.warning("config.doubtful", path=self._path, reason=doubt)


class ConfigFile:
    """The configuration file, and the version of it that was handled last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handled: Stamp | None = None
        """None: the file counts as changed."""
        self.overruled: tuple[Overruled, ...] = ()
        """What has no effect, since it is against the rules of a compliant archive."""

    def stamp(self) -> Stamp | None:
        """Return the file's time and size; None when it does not exist."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def read(self) -> StationConfig:
        """Read the configuration and remember it, as the rules of compliant archives let it be; ConfigError if it is invalid.

        Call ``stamp`` before: the file may change meanwhile.
        """
        station, self.overruled = complied(read_station_config(self.path, remember=True))
        return station
