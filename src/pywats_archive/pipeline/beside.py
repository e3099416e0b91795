"""What the service does beside the way of the files: reading back, retention, telling of alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from pywats_archive.archive.core import Archive
from pywats_archive.config import StationConfig
from pywats_archive.host.webhook import Webhook
from pywats_archive.pipeline.alerts import Alert
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.retaining import Retaining
from pywats_archive.pipeline.scrubbing import Scrubbing
from pywats_archive.pipeline.staffing import Staff
from pywats_archive.pipeline.timekeeping import Timekeeping


class Announcing:
    """Posts each alert to the station's webhook when it begins and when it is over."""

    def __init__(self, station: StationConfig) -> None:
        self._webhook = Webhook(station.webhook)
        self._station = station

    def reload(self, station: StationConfig) -> None:
        """Go by another configuration from now on."""
        self._station, self._webhook.config = station, station.webhook

    def tell(self, alert: Alert, is_over: bool) -> None:
        """Post that an alert began, or is over; does not wait."""
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
        """Stop, after what can be posted at once."""
        self._webhook.close()


class Beside:
    """Begins all of it; ``close`` ends it."""

    def __init__(
        self,
        lines: Callable[[], Sequence[Line]],
        staff: Staff,
        *,
        timekeeping: Timekeeping,
        is_busy: Callable[[], bool],
        using: Callable[[Archive], AbstractContextManager[bool]],
    ) -> None:
        self._scrubbing = Scrubbing(lines, staff.alerts, parts=staff.parts, is_busy=is_busy, using=using)
        self._retaining = Retaining(
            lines, staff.alerts, parts=staff.parts, timekeeping=timekeeping, is_busy=is_busy, using=using
        )
        self.relieve(lines())

    def relieve(self, lines: Sequence[Line]) -> None:
        """Let retention make room for these lines before their disk is called low."""
        for line in lines:
            if line.room and line.root:
                line.room.relieve = partial(self._retaining.relieve, line.root)

    @property
    def is_settled(self) -> bool:
        """Tell whether retention has done what there was to do at the start, and what was asked of it."""
        return self._retaining.is_settled

    def close(self) -> None:
        """End after the entry that is read back and the batch that is purged."""
        self._scrubbing.close()
        self._retaining.close()
