"""The reports of a service on their way to the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pywats_archive.archive.core import Archive
from pywats_archive.config.server import ServerConfig
from pywats_archive.conversion.sending.notices import OnCompleted
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.host.server.clock import ServerClock
from pywats_archive.host.server.submission import Submitter
from pywats_archive.pipeline.alerting.server import ServerWatch
from pywats_archive.pipeline.composition.alarms import Alarms
from pywats_archive.pipeline.settings import Settings
from pywats_archive.portable.uptime import uptime


class Sending:
    """The outbox, the server's clock, and the alerts on the server and on refused reports."""

    def __init__(
        self,
        alarms: Alarms,
        archives: Callable[[], Sequence[Archive]],
        settings: Settings,
        *,
        server: Callable[[], ServerConfig],
        on_answer: OnCompleted,
    ) -> None:
        """``on_answer`` is called in a thread of the outbox with each report that the server accepted or refused."""
        self._archives = archives
        self._server = server
        self._refusals = alarms.refusals
        self._watch = ServerWatch(alarms.alerts, archives)
        self.server_clock = ServerClock(lambda: uptime().seconds)
        self.outbox = Outbox(
            lambda: Submitter(server(), on_answer=self.server_clock.hear),
            archives,
            on_completed=on_answer,
            clock=settings.clock,
            retry_now=settings.until_idle,
        )

    def check(self, now_s: float, *, again: bool = False) -> None:
        """Raise or clear the alerts on the server and on reports; ``again``: check those of earlier runs as well."""
        state, archives = self.outbox.state, self._archives()
        self._watch.check(state, self._server().service_address, now_s)
        self._refusals.check(archives, again=again)
        if again and state.trouble is None:
            self._refusals.check_overdue(archives)
