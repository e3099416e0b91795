"""What a running service says of its configuration: that one is rejected, or what in it can hardly be meant."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.doubtful import doubtful
from pywats_archive.pipeline.alerting.alerts import REJECTED, Alerts
from pywats_archive.redaction import redacted

log = structlog.get_logger()


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
        for told in doubtful(station):
            log.warning("config.doubtful", path=self._path, reason=told)
