"""What a service says about itself to readers of its archives."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import metadata

from pywats_archive.config.server import ServerConfig
from pywats_archive.conversion.sending.outbox import OutboxState
from pywats_archive.models.operation.service import ServerContact, ServiceFacts
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.settings import Settings
from pywats_archive.redaction import redacted


class Facts:
    """The facts of one service: equal at each call while nothing changes."""

    def __init__(
        self,
        settings: Settings,
        lanes: LaneSet,
        *,
        server: Callable[[], ServerConfig],
        outbox: Callable[[], OutboxState],
    ) -> None:
        self._settings = settings
        self._lanes = lanes
        self._server = server
        self._outbox = outbox
        self._version = metadata.version("pywats-archive")
        self._account = account_name()
        self._trouble_since: tuple[float, datetime] | None = None

    def __call__(self, now_s: float) -> ServiceFacts:
        """Return the facts now; ``now_s`` is of the monotonic clock."""
        log = self._settings.log_file
        return ServiceFacts(
            version=self._version,
            account=self._account,
            log=log.absolute() if log else None,
            server=self._contact(now_s),
            patterns={lane.name: lane.listing.own_patterns for lane in self._lanes if lane.accepts_new},
        )

    def _contact(self, now_s: float) -> ServerContact | None:
        address, state = redacted(self._server().service_address), self._outbox()
        if not address:
            return None
        trouble = state.trouble
        return ServerContact(
            address=address,
            has_answered=state.has_answered,
            trouble=redacted(trouble.reason) if trouble else None,
            since=self._since(trouble.since_s, now_s) if trouble else None,
        )

    def _since(self, since_s: float, now_s: float) -> datetime:
        """Return a moment of the monotonic clock by the station's clock, converted once."""
        if self._trouble_since is None or self._trouble_since[0] != since_s:
            self._trouble_since = since_s, self._settings.clock() - timedelta(seconds=max(now_s - since_s, 0.0))
        return self._trouble_since[1]


def account_name() -> str | None:
    """Return the account that runs this process; None if the system does not say."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return None
