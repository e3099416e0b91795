"""The alerts that a service raises while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pywats_archive.archive.core import Archive
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.alerting.notifier import AlertNotifier
from pywats_archive.pipeline.alerting.refusals import Refusals
from pywats_archive.pipeline.config_watch import ConfigVerdicts
from pywats_archive.pipeline.settings import Settings
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unexpected import Unexpected


class Alarms:
    """The alerts of a service, and the failures that raise them. ``subject`` is that of alerts on the whole service."""

    def __init__(
        self, archives: Callable[[], Sequence[Archive]], settings: Settings, *, notifier: AlertNotifier
    ) -> None:
        self.subject = str(settings.config_path)
        self.alerts = Alerts(archives, clock=settings.clock, on_news=notifier.notify)
        self.failures = ArchiveFailures(self.alerts)
        self.stuck = Stuck(self.alerts)
        self.unexpected = Unexpected(self.alerts)
        self.refusals = Refusals(self.alerts, clock=settings.clock)
        self.tasks = IsolatedTasks(self.alerts)
        self.verdicts = ConfigVerdicts(settings.config_path, self.alerts)

    def isolate(self, name: str, act: Callable[[], object]) -> None:
        """Run one step of the main loop; an unexpected error in it does not stop the other steps."""
        self.tasks.run(name, self.subject, act)

    def reset(self) -> None:
        """Clear the failures of sources: with another configuration they may be over."""
        self.failures.reset()
        self.stuck.reset()
