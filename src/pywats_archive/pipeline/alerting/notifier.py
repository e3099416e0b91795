"""Posting alerts to the station's webhook."""

from __future__ import annotations

from pywats_archive.config import StationConfig
from pywats_archive.host.server.webhook import Webhook
from pywats_archive.pipeline.alerting.alerts import Alert


class AlertNotifier:
    """Posts each alert when it is raised and when it is cleared."""

    def __init__(self, station: StationConfig) -> None:
        self._webhook = Webhook(station.webhook)
        self._station = station

    def reload(self, station: StationConfig) -> None:
        """Use another configuration from now on."""
        self._station, self._webhook.config = station, station.webhook

    def notify(self, alert: Alert, is_over: bool) -> None:
        """Post that an alert was raised, or cleared; does not wait."""
        document = {
            "event": "alert.cleared" if is_over else "alert.raised",
            "alert": alert.name,
            "subject": alert.subject,
            "station": self._station.server.station_name,
            "raised_at": alert.raised_at.isoformat(timespec="milliseconds"),
            "details": dict(alert.fields),
        }
        self._webhook.post(document, of_converter=self._station.converter(alert.subject) is not None)

    def close(self) -> None:
        """Stop after posting the alerts that can be posted immediately."""
        self._webhook.close()
