"""A station's retention: limits kept while files come, alerts, webhook, metrics."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.aged import Aged
from tests.disk import Disk, small_disk
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.archive import figures, purging
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.results import runs
from pywats_archive.cli.policy import list_policies
from pywats_archive.client import Client
from pywats_archive.errors import ArchiveAway, UsageError
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.pipeline.alerting.metrics import parse_address
from pywats_archive.pipeline.background import retention
from pywats_archive.pipeline.service import Service, Settings

LIMIT_BYTES = 2_000_000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        yield made


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 60) as disk:
        yield disk


@contextmanager
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook on loopback; returns its address and what was posted, with the header it came with."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append(body | {"_auth": self.headers.get("X-Key"), "_path": self.path})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *unused: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def drop(watch: Path, number: int, size: int = 40_000) -> bytes:
    """Drop a file that does not compress."""
    content = random.Random(number).randbytes(size)
    (watch / f"SN{number:04}.log").write_bytes(content)
    return content


def on_disk(station: Station) -> int:
    """What the blobs take, as the file system allots it; one may go while it is counted."""
    total = 0
    for top in ("sources", "reports"):
        for path in (station.archive_root / top).rglob("*.gz"):
            try:
                total += path.stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def test_a_size_limit_holds_while_much_more_comes(station: Station, tmp_path: Path) -> None:
    """Fed with four times its limit, an archive never takes more than that and what is on its way; the newest are all there."""
    watch = station.add("any", max_archive_size_gb=LIMIT_BYTES / 1e9)
    contents, largest = {}, 0
    with station.serving():
        for number in range(180):
            contents[f"SN{number:04}.log"] = drop(watch, number)
            wait_for(lambda: len(list(watch.iterdir())) < 10)  # what waits for the server is not purged
            largest = max(largest, on_disk(station))
        wait_for(lambda: not any(watch.iterdir()))
        wait_for(lambda: on_disk(station) <= LIMIT_BYTES)
        largest = max(largest, on_disk(station))
    assert largest <= 2 * LIMIT_BYTES, largest
    with station.archive() as archive:
        every = archive.find(EntryFilter(newest_first=False), limit=1000).items
        kept = [entry for entry in every if not entry.purged_at]
        assert len(every) == 180 and 30 < len(kept) < 60
        ids = sorted(entry.archive_id for entry in every)
        assert sorted(entry.archive_id for entry in kept) == ids[-len(kept) :], "not the oldest went"
        for entry in kept:
            back = restore_source(archive, entry.archive_id, tmp_path / "back")
            assert back.read_bytes() == contents[back.name]


def test_alerts_are_told_by_webhook_in_stats_and_metrics(station: Station) -> None:
    """A converter above 80 and 95 % of its limit is one alert each, which is cleared once."""
    watch = station.add("any", max_archive_size_gb=LIMIT_BYTES / 1e9)
    with hook() as (address, posted):
        path = station.write_config()
        more = {"webhook_converter_url": f"{address}/c", "webhook_auth_header": "X-Key", "webhook_auth_value": "s3cret"}
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
        service = Service(Settings(config_path=path, processes=1, metrics="0"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(retention, "_EVALUATE_EVERY_S", 0.2)
            ports: list[int] = []
            patch.setattr(
                "pywats_archive.pipeline.alerting.metrics.log.info", lambda *_, address: ports.append(_port(address))
            )
            thread = threading.Thread(target=service.run)
            thread.start()
            try:
                for number in range(44):
                    drop(watch, number)
                wait_for(lambda: len(posted) >= 2)
                wait_for(lambda: [each.state.value for each in station.arrivals()] == ["done"] * 44)
                scraped = wait_for(lambda: _scraped(ports[0]) if ports else None)
                with Client.from_config(path) as client:
                    assert {alert.name for alert in client.statistics().alerts} == {
                        "size.80_percent",
                        "size.95_percent",
                    }
                    client.retention.purge_named([entry.archive_id for entry in station.entries()], actor="it")
                wait_for(lambda: len(posted) >= 4)
            finally:
                service.stop()
                thread.join()
    told = sorted((each["event"], each["alert"]) for each in posted)
    expected = [("alert.cleared", "size.80_percent"), ("alert.cleared", "size.95_percent")]
    assert told == [*expected, ("alert.raised", "size.80_percent"), ("alert.raised", "size.95_percent")]
    assert {(each["_auth"], each["_path"], each["subject"], each["station"]) for each in posted} == {
        ("s3cret", "/c", "any", "TEST")
    }
    assert 'pywats_archive_alert{alert="size.95_percent",subject="any"} 1.0' in scraped
    assert f'pywats_archive_size_limit_bytes{{archive="{station.archive_root}",converter="any"}} 2e+06' in scraped
    assert "# TYPE pywats_archive_purged_entries_total counter" in scraped
    assert (
        f'pywats_archive_entries{{archive="{station.archive_root}",converter="any",status="success"}} 44.0' in scraped
    )


def test_policies_are_enforced_before_a_disk_is_called_low(station: Station, room: Disk) -> None:
    """Where what is too old takes the room, it goes first: no alert, and no source waits."""
    station.archive_root = room.mount_point / "archive"
    aged = Aged(room.mount_point, now=datetime.now(timezone.utc))
    for _ in range(10):
        aged.add(days_ago=5, converter="any", size=2_000_000)
    aged.archive.close()
    free = 60_000_000 - sum(path.stat().st_size for path in room.mount_point.rglob("*") if path.is_file())
    watch = station.add(
        "any", archive_folder=str(station.archive_root), retention_days=3, min_free_gb=(free + 10_000_000) / 1e9
    )
    with Client([station.archive_root]) as client:
        client.retention.set_policy(RetentionPolicy(converter_name="any", retention_days=3), actor="it", confirmed=True)
    drop(watch, 1)
    assert station.run().waiting == ()
    assert sum(1 for entry in station.entries() if entry.purged_at) == 10
    with station.archive() as archive:
        alerts = {each.name for each in figures.statistics(archive).alerts}
    assert alerts <= {"backup.failed"}  # the catalog was to be copied before there was room
    assert len(station.names("any/Done")) == 1


def test_a_clock_that_jumps_purges_nothing(station: Station) -> None:
    """A clock that goes ten years ahead while the service runs purges nothing, and is an alert."""
    watch, off_by = station.add("any"), [timedelta()]
    drop(watch, 1)
    clock = lambda: datetime.now(timezone.utc) + off_by[0]  # noqa: E731
    service = Service(Settings(config_path=station.write_config(), processes=1, clock=clock))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        wait_for(lambda: station.names("any/Done"))
        off_by[0] = timedelta(days=3650)
        wait_for(lambda: _clock_alerts(station) == {"retention.clock"})  # for a moment the server's answer may be one
        time.sleep(1.5)
    finally:
        service.stop()
        thread.join()
    assert _clock_alerts(station) == {"retention.clock"}
    assert not station.entry().purged_at


def test_a_file_that_cannot_be_removed_is_an_alert_until_it_is(station: Station) -> None:
    """A service purges all else, says which file stays, and removes it at a later try (invariant 7)."""
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    first, second, *_ = (aged.add(days_ago=days_ago, converter="any") for days_ago in (9, 8, *[1] * 10))
    stuck = aged.archive.root / first.source_archived_path
    aged.archive.close()
    stuck.unlink()
    stuck.mkdir()
    station.add("any", retention_days=5)
    with station.serving():
        assert wait_for(lambda: _alerts(station)) == {"retention.not_removed"}
    assert {entry.archive_id for entry in station.entries() if entry.purged_at} == {first.archive_id, second.archive_id}
    assert not (station.archive_root / second.source_archived_path).exists()
    stuck.rmdir()
    with station.serving():
        wait_for(lambda: not _alerts(station))


def test_a_policy_that_nobody_confirmed_waits(station: Station) -> None:
    """A configuration that would purge more than a fifth of an archive at once purges nothing, until a person says so."""
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    for days_ago in (9, 8, 1):
        aged.add(days_ago=days_ago, converter="any")
    aged.archive.close()
    station.add("any", retention_days=5)
    with station.serving():
        assert wait_for(lambda: _alerts(station)) == {"retention.needs_confirmation"}
    assert [entry.purged_at for entry in station.entries()] == [None] * 3
    with Client([station.archive_root]) as client:
        client.retention.enforce("any", actor="it")
    assert sum(1 for entry in station.entries() if entry.purged_at) == 2
    with station.serving():
        wait_for(lambda: not _alerts(station))


def test_a_confirmation_ends_the_alert_of_a_running_service(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who purges while the service runs sees the alert go soon, and not after the hourly enforcement."""
    monkeypatch.setattr(retention, "_EVALUATE_EVERY_S", 0.2)
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    for days_ago in (9, 8, 1):
        aged.add(days_ago=days_ago, converter="any")
    aged.archive.close()
    station.add("any", retention_days=5)
    with station.serving(), Client([station.archive_root]) as client:
        assert wait_for(lambda: _alerts(station)) == {"retention.needs_confirmation"}
        client.retention.enforce("any", actor="it")
        wait_for(lambda: not _alerts(station))


def test_many_failures_within_an_hour_are_an_alert(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """More failures of a converter than its ``alarm`` allows are an alert."""
    monkeypatch.setattr(retention, "_EVALUATE_EVERY_S", 0.2)
    station.code("class Bad(Any):\n    def outcome(self, source, context):\n        raise ValueError('no header')\n")
    watch = station.add("bad", "own.Bad", alarm=2)
    with station.serving():
        for number in range(3):
            drop(watch, number)
        assert wait_for(lambda: _alerts(station)) == {"converter.failing"}


@pytest.mark.parametrize(
    ("text", "address"),
    [("9464", ("127.0.0.1", 9464)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9464", ("::1", 9464))],
)
def test_metrics_listen_on_loopback_unless_told(text: str, address: tuple[str, int]) -> None:
    """A port alone is for this computer."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "http", "1:99999", "-1"])
def test_a_bad_metrics_address_is_told(text: str) -> None:
    """What is no address is refused with what to write."""
    with pytest.raises(UsageError, match="9464"):
        parse_address(text)


def test_a_port_that_is_taken_is_told(station: Station) -> None:
    """The service does not start half: a port that another program has is one clear error."""
    station.add("any")
    with hook() as (address, _), pytest.raises(UsageError, match="choose another port"):
        station.run(metrics=address.removeprefix("http://"))


def _alerts(station: Station) -> set[str]:
    if not (station.archive_root / "metadata.db").exists():
        return set()
    with station.archive() as archive:
        return {alert.name for alert in figures.statistics(archive).alerts}


def _clock_alerts(station: Station) -> set[str]:
    """Return the alerts on the clock; by that clock, the archive was not read back for years, which may be one too."""
    return {name for name in _alerts(station) if "clock" in name}


def _port(address: str) -> int:
    return int(address.rpartition(":")[2].partition("/")[0])


def _scraped(port: int) -> str | None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    return text if "size.95_percent" in text else None


def test_a_limit_that_cannot_be_met_is_told_with_the_reason(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is above a limit and held stays, and an alert names it; released, it goes and the alert is over."""
    monkeypatch.setattr(retention, "_UNMET_FOR_S", 0.5)
    aged = Aged(station.root, now=datetime.now(timezone.utc))
    entry = aged.add(converter="any", size=100_000)
    aged.archive.close()
    with Client([station.archive_root]) as client:
        client.retention.hold([entry.archive_id], "complaint 7", actor="quality")
        policy = RetentionPolicy(converter_name="any", max_size_gb=1e-5)
        client.retention.set_policy(policy, actor="it", confirmed=True)
        station.add("any")
        with station.serving():
            wait_for(lambda: "size.limit_not_met" in _alerts(station))
            with station.archive() as archive:
                (alert,) = [a for a in figures.statistics(archive).alerts if a.name == "size.limit_not_met"]
            assert alert.details["kept"] == {"held": 1} and alert.subject == "any"
            client.retention.release([entry.archive_id], actor="quality")
            wait_for(lambda: "size.limit_not_met" not in _alerts(station))
    assert station.entry().purged_at


def test_no_lock_makes_a_folder_where_an_archive_was(station: Station) -> None:
    """While an archive is away a purge is refused, and nothing is made in its place."""
    station.add("any")
    station.run()
    with station.archive() as archive:
        station.archive_root.rename(station.root / "elsewhere")
        with pytest.raises(ArchiveAway), purging.purging(archive):
            raise AssertionError("it was locked")
        with pytest.raises(ArchiveAway), runs.reprocessing(archive):
            raise AssertionError("it was locked")
        assert not station.archive_root.exists()
    (station.root / "elsewhere").rename(station.archive_root)


def test_a_changed_configuration_is_applied_and_a_difference_is_told(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A raised limit in config.json applies while the service runs, then a later ``policy set``; the difference is an alert."""
    monkeypatch.setattr(retention, "_EVALUATE_EVERY_S", 0.2)
    station.add("any", retention_days=30)

    def days() -> int:
        with station.archive() as archive:
            return archive.policies.effective("any").retention_days

    with station.serving():
        wait_for(lambda: (station.archive_root / "metadata.db").exists() and days() == 30)
        station.sections[0]["retention_days"] = 60
        station.write_config()
        wait_for(lambda: days() == 60)
        with Client.from_config(station.root / "config.json") as client:
            client.retention.set_policy(RetentionPolicy(converter_name="any", retention_days=45), actor="it")
        wait_for(lambda: _alerts(station) == {"policy.differs"})
        list_policies(archive=station.archive_root)
        assert "retention_days 60 (in force: 45)" in capsys.readouterr().out
        station.sections[0]["retention_days"] = 45
        station.write_config()
        wait_for(lambda: not _alerts(station))
    assert days() == 45
