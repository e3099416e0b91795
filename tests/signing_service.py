"""The parts of a service that sign the history of one archive, with a clock of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.making import anchors_of
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.config import StationConfig
from pywats_archive.config.server import ServerConfig
from pywats_archive.config.time_stamps import TimeStampConfig
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.background.anchors import AnchorJob
from pywats_archive.pipeline.mounts.pool import ArchivePool

HOUR_S = 3600.0


@dataclass
class Service:
    """The parts that the job needs, over one archive, with a clock and a counter of seconds of their own."""

    base: Path
    folders: tuple[Path, ...] = ()
    time_stamps: TimeStampConfig = field(default_factory=TimeStampConfig)
    now: datetime = datetime(2026, 2, 13, 14, 0, tzinfo=timezone.utc)
    now_s: float = 0.0
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.archive = Archive.open(self.base / "archive", create=True, own=True, clock=lambda: self.now)
        self.alerts = Alerts(lambda: (self.archive,), clock=lambda: self.now)
        self.pool = ArchivePool(self.base / "config.json", self.alerts, clock=lambda: self.now)
        self.mount = self.pool.mount(self.archive.root)
        self.mount.archive, self.mount.is_used = self.archive, True
        self.restart()

    def restart(self) -> None:
        """Begin as a new process does."""
        self.archive.carried_anchor = None
        self.tasks = IsolatedTasks(self.alerts, now_s=lambda: self.now_s)
        self.job = AnchorJob(
            self.pool,
            self.alerts,
            tasks=self.tasks,
            station=lambda: self.station,
            now_s=lambda: self.now_s,
        )

    @property
    def station(self) -> StationConfig:
        return StationConfig(
            path=self.base / "config.json",
            converters_folder=self.base,
            server=ServerConfig(),
            anchor_folders=self.folders,
            time_stamps=self.time_stamps,
            converters=(),
        )

    def act(self) -> None:
        """Let something happen."""
        history.record(self.archive, "user.signed_in", {}, actor="test")

    def step(self, after_s: float = 0.0) -> int:
        """Do a step so many seconds later; returns the number of anchors by now."""
        self.now_s += after_s
        self.now += timedelta(seconds=after_s)
        self.job.step()
        return len(self.noted)

    @property
    def noted(self) -> list[Anchor]:
        return list(anchors_of(self.archive))

    @property
    def open(self) -> dict[str, str]:
        """The open alerts by subject, with their reasons."""
        return {each.subject: str(dict(each.fields)["reason"]) for each in self.alerts.open}
