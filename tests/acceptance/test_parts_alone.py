"""What one converter meets in a part of the service that runs in the background keeps the others' from nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from tests.aged import Aged
from tests.captured import capture_logs
from tests.station import Station, wait_for

from pywats_archive.archive import alerts
from pywats_archive.archive.core import Archive
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.pipeline.alerting import isolation
from pywats_archive.pipeline.background import scrub
from pywats_archive.pipeline.background.retention import RetentionJob
from pywats_archive.pipeline.folders import ownership as claims
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.schedule import scheduler
from pywats_archive.retention import enforcing

SCHEDULED = """
class Timed(ScheduledConverter):
    name = property(lambda self: 'Timed')
    version = property(lambda self: '1')
    async def run(self, context):
        return []
"""


class Nobody(Exception):
    """Stands for what nobody foresaw."""


def failing(station: Station) -> set[str]:
    """Return of what a part is open as failing."""
    with Archive.open(station.archive_root) as archive:
        return {alert.subject for alert in alerts.open_alerts(archive) if alert.name == "service.unexpected"}


def test_one_converters_retention_that_fails_stops_no_other(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two policies the one that meets an error is an alert and is tried again; the other is enforced (invariant 7)."""
    enforce, is_bad = enforcing.enforce, [True]

    def enforcing_(archive: Archive, policy: RetentionPolicy, **how: Any) -> Any:
        if is_bad[0] and policy.converter_name == "a":
            raise Nobody("has thought of this")
        return enforce(archive, policy, **how)

    monkeypatch.setattr(enforcing, "enforce", enforcing_)
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    for days_ago in (9, *[1] * 9):
        for name in ("a", "b"):
            aged.add(days_ago=days_ago, converter=name)
    aged.archive.close()
    for name in ("a", "b"):
        station.add(name, retention_days=5)
    with station.serving():
        wait_for(lambda: [e.converter_name for e in station.entries() if e.purged_at] == ["b"])
        wait_for(lambda: failing(station) == {"a"})
        is_bad[0] = False
        wait_for(lambda: sum(1 for e in station.entries() if e.purged_at) == 2)
        wait_for(lambda: not failing(station))


def test_a_watch_folder_or_a_schedule_that_fails_stops_no_other(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service goes on when one converter's folder or schedule meets an error that nobody foresaw (invariant 5)."""
    look, following, is_bad = claims.Claims.acquire, scheduler.Schedules._next, [False]

    def looking(self: claims.Claims, folder: Any) -> None:
        if is_bad[0] and folder.path.parent.name == "a":
            raise Nobody("has thought of this")
        look(self, folder)

    def planning(self: scheduler.Schedules, lane: Lane, now: datetime) -> Any:
        if is_bad[0] and lane.name == "timed":
            raise Nobody("has thought of that")
        return following(self, lane, now)

    monkeypatch.setattr(claims.Claims, "acquire", looking)
    monkeypatch.setattr(scheduler.Schedules, "_next", planning)
    station.code("from pywats_client.converters.scheduled_converter import ScheduledConverter\n" + SCHEDULED)
    station.add("a", settle_seconds=0.2)
    watch = station.add("b", settle_seconds=0.2)
    station.add("timed", "own.Timed", converter_type="scheduled", run_on_startup=True, schedule_interval_seconds=1)
    with station.serving():
        (watch / "b.log").write_text("b")
        wait_for(lambda: station.names("b/Done") == ["b.log"])
        is_bad[0] = True
        wait_for(lambda: failing(station) >= {"a", "timed"})
        (watch / "c.log").write_text("c")
        wait_for(lambda: station.names("b/Done") == ["b.log", "c.log"])
        is_bad[0] = False
        wait_for(lambda: not failing(station))


def test_a_job_whose_step_fails_goes_on(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention and scrub outlive an unexpected error outside any one archive; it is an alert until it is over."""
    monkeypatch.setattr(isolation, "RETRY_S", 0.05)
    is_bad, paces, check_all = [True], scrub._paces, RetentionJob._check_all
    done: set[str] = set()

    def reading(lanes: Any) -> Any:
        if is_bad[0]:
            raise Nobody("has thought of this")
        done.add("scrub")
        return paces(lanes)

    def checking(self: RetentionJob) -> None:
        if is_bad[0]:
            raise Nobody("has thought of that")
        done.add("retention")
        check_all(self)

    monkeypatch.setattr(scrub, "_paces", reading)
    monkeypatch.setattr(RetentionJob, "_check_all", checking)
    station.add("c")
    with capture_logs() as logs, station.serving():
        wait_for(lambda: {line.get("part") for line in logs} >= {"retention", "scrub"})
        wait_for(lambda: "service.started" in {line["event"] for line in logs})
        wait_for(lambda: failing(station) == {str(station.root / "config.json")})
        is_bad[0] = False
        wait_for(lambda: done == {"retention", "scrub"} and not failing(station))
