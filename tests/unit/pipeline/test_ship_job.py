"""The service ships each history at intervals and at its stop; a vault that is away or silent stops nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.captured import capture_logs
from tests.signing_service import Service
from tests.station import wait_for
from tests.vaulted import copied

from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.archive.replica import progress
from pywats_archive.catalog import vault_gate
from pywats_archive.config import StationConfig
from pywats_archive.config.vault import VaultSettings
from pywats_archive.models.step import OnStep
from pywats_archive.pipeline.alerting.metrics import _Collector
from pywats_archive.pipeline.background import shipping
from pywats_archive.pipeline.background.shipping import ShipJob
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault

INTERVAL_S = 900


class ShippingService(Service):
    """A service over one archive with a vault."""

    url = ""
    is_required = False

    def __post_init__(self) -> None:
        self.url = str(self.base / "vault")
        marker.create(FolderVault(Path(self.url)))
        super().__post_init__()

    def restart(self) -> None:
        super().restart()
        self.shipping = ShipJob(
            self.pool, self.alerts, tasks=self.tasks, station=lambda: self.station, now_s=lambda: self.now_s
        )

    @property
    def station(self) -> StationConfig:
        return super().station.model_copy(
            update={"vault": VaultSettings(vault_url=self.url, vault_required=self.is_required)}
        )

    def ship(self, after_s: float = 0.0) -> int:
        """Do a step so many seconds later, wait for what it began, and note that; gives the number of events that wait."""
        self.act()
        self.now_s += after_s
        self.now = type(self.now).fromtimestamp(self.now.timestamp() + after_s, self.now.tzinfo)
        self.shipping.step()
        wait_for(lambda: not any(each.name == "vault" for each in threading.enumerate()))
        self.shipping.step()
        return self.waiting

    @property
    def waiting(self) -> int:
        return progress.lag(self.archive, self.url).events


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ShippingService]:
    made = ShippingService(tmp_path)
    yield made
    made.archive.close()


def names(service: ShippingService) -> list[str]:
    """Give the names of the open alerts."""
    return [each.name for each in service.alerts.open]


def test_each_interval_ships_what_waits(service: ShippingService) -> None:
    """The first time a minute after the start, then every interval."""
    assert [service.ship() > 0, service.ship(61)] == [True, 0]
    assert [service.ship(INTERVAL_S - 100) > 0, service.ship(101)] == [True, 0]
    assert service.alerts.open == ()


def test_the_stop_ships_the_rest(service: ShippingService) -> None:
    """At once, whenever the last time was."""
    service.act()
    service.shipping.end()
    assert service.waiting == 0


def test_one_line_says_what_was_copied(service: ShippingService) -> None:
    """Each time something was, also at the stop, and for a copy that ended right before it."""
    service.ship()
    with capture_logs() as lines:
        service.ship(61)
        first = progress.lag(service.archive, service.url).last
        service.act()
        service.now_s += INTERVAL_S
        service.shipping.step()
        wait_for(lambda: not any(each.name == "vault" for each in threading.enumerate()))
        second = progress.lag(service.archive, service.url).last
        service.act()
        service.shipping.end()
    last = progress.lag(service.archive, service.url).last
    shown = [line for line in lines if line["event"] == "vault.shipped"]
    ranges = [(each["first_event"], each["last_event"], each["segments"]) for each in shown]
    assert ranges == [(1, first, 1), (first + 1, second, 1), (second + 1, last, 1)]
    segments = sorted(Path(service.url).rglob("segments/*.zip"))
    assert [each["size_bytes"] for each in shown] == [each.stat().st_size for each in segments]
    assert all(each["seconds"] == 0 and each["log_level"] == "info" for each in shown)


def test_without_a_vault_nothing_happens(service: ShippingService) -> None:
    """And open alerts of an earlier one are cleared."""
    Path(service.url).rename(f"{service.url}-gone")
    service.ship()
    service.ship(5 * 3600)
    assert service.alerts.open
    service.url = ""
    service.shipping.step()
    service.shipping.end()
    assert service.alerts.open == ()


def test_a_vault_that_is_away_is_an_alert_after_an_hour_until_it_is_back(service: ShippingService) -> None:
    """It is tried again and again, ever less often, and gets everything once it is back."""
    away = Path(f"{service.url}-away")
    Path(service.url).rename(away)
    service.ship()
    service.ship(61)
    assert service.alerts.open == () and service.waiting
    service.ship(3700)
    assert names(service) == ["vault.late"]
    assert "vault.json" in service.open[str(service.archive.root)]
    away.rename(service.url)
    assert service.ship(301) == 1  # that the alert was cleared
    assert service.alerts.open == ()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_refusal_is_an_alert_at_once(service: ShippingService) -> None:
    """It needs a person."""
    Path(service.url).chmod(0o500)
    service.ship()
    service.ship(61)
    assert names(service) == ["vault.failed"]
    Path(service.url).chmod(0o700)


@pytest.mark.parametrize("keys", [{"vault_required": True}, {"vault_required": "maybe"}])
def test_a_service_with_the_former_configuration_does_not_end_the_rule(
    service: ShippingService, keys: dict[str, object]
) -> None:
    """A purge by hand obeys the newer one already; one that cannot be read ends nothing (invariant 13)."""
    file = service.station.path
    file.write_text(json.dumps({"vault_url": service.url, **keys}))
    progress.require(service.archive, service.url)
    service.shipping.require()
    assert progress.required(service.archive) == service.url
    file.write_text(json.dumps({"vault_url": service.url}))
    service.shipping.require()
    assert progress.required(service.archive) is None


def test_credentials_that_are_missing_are_an_alert_and_nothing_is_purged(
    service: ShippingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service goes on, and the vault stays required: what it has not confirmed waits (invariant 13)."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    service.url, service.is_required = "s3://archives/plant", True
    service.shipping.require()
    with service.archive.read() as db:
        assert vault_gate.required(db) == "s3://archives/plant"
    service.ship()
    service.ship(61)
    assert names(service) == ["vault.failed"]
    assert "has no credentials of the vault" in service.open[str(service.archive.root)]


def test_another_history_is_an_alert_at_once(service: ShippingService, tmp_path: Path) -> None:
    """Nothing more is shipped, since the vault has events of a copy of this archive."""
    service.ship()
    with Archive.open(copied(service.archive, tmp_path / "other"), own=True) as copy:
        history.record(copy, "user.signed_in", {"of": "the copy"}, actor="test")
        list(Shipping(copy, FolderVault(Path(service.url)), station="other-pc").ship_all())
    service.ship(61)
    assert names(service) == ["vault.failed"]
    assert "'other-pc'" in service.open[str(service.archive.root)]


def test_a_vault_that_hangs_delays_neither_the_service_nor_its_stop(
    service: ShippingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that hangs has one thread, and the stop does not wait for it; nothing else can make a share hang here."""
    begun, hangs = threading.Event(), threading.Event()
    monkeypatch.setattr(FolderVault, "size_of", lambda *_: begun.set() or hangs.wait())  # type: ignore[func-returns-value]
    for after_s in (61, INTERVAL_S, 3600):  # the first step only notes the time
        service.now_s += after_s
        service.now = type(service.now).fromtimestamp(service.now.timestamp() + after_s, service.now.tzinfo)
        service.act()
        service.shipping.step()
        wait_for(lambda after_s=after_s: after_s == 61 or begun.is_set())  # type: ignore[misc]
    assert sum(each.name == "vault" for each in threading.enumerate()) == 1
    assert names(service) == ["vault.late"]
    service.shipping.end()
    hangs.set()
    wait_for(lambda: not any(each.name == "vault" for each in threading.enumerate()))


@pytest.mark.parametrize(
    ("step_s", "reason"),
    [
        (1.5, None),
        (29.0, "not all could be copied within a minute; the rest follows after the next start"),
        (31.0, "the vault does not answer in time"),
    ],
)
def test_the_stop_waits_for_a_slow_vault_only_while_it_answers(
    service: ShippingService, monkeypatch: pytest.MonkeyPatch, step_s: float, reason: str | None
) -> None:
    """For a minute at most, of which a single step may take half; what is not copied then waits for the next start."""
    is_over = threading.Event()

    def opened(_: VaultSettings, *, on_step: OnStep) -> FolderVault:
        def slow(step: str) -> None:
            on_step(step)
            service.now_s += step_s
            if service.now_s > 60 or step_s > 30:
                is_over.wait()  # until the stop has looked at the clock

        return FolderVault(Path(service.url), on_step=slow)

    monkeypatch.setattr(shipping, "open_vault", opened)
    service.act()
    with capture_logs() as lines:
        service.shipping.end()
    is_shipped = service.waiting == 0
    is_over.set()
    assert is_shipped is (reason is None) and service.now_s > 10
    assert [line["reason"] for line in lines if line["event"] == "vault.not_shipped"] == [reason] * bool(reason)
    wait_for(lambda: not any(each.name == "vault" for each in threading.enumerate()))


def test_the_last_copy_has_no_low_priority(service: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop waits for it, and on a busy computer a thread of low priority may get no time at all."""
    lowered = list[str]()
    monkeypatch.setattr(shipping, "lower_thread_priority", lambda: lowered.append("low"))
    service.ship()
    service.ship(61)
    assert lowered == ["low"]
    service.act()
    service.shipping.end()
    assert (service.waiting, lowered) == (0, ["low"])


def test_what_waits_is_a_metric(service: ShippingService) -> None:
    """Of an archive that was shipped at least once: how many events, and the age of the oldest."""
    collector = _Collector(lambda: (service.archive,), service.alerts, service.pool.lease)

    def values() -> dict[str, list[float]]:
        found = {each.name: each.samples for each in collector.collect() if "_vault_" in each.name}
        return {name.rpartition("_vault_")[2]: [sample.value for sample in each] for name, each in found.items()}

    assert values() == {"waiting_events": [], "waiting_seconds": []}
    service.shipping.end()
    assert values() == {"waiting_events": [0], "waiting_seconds": [0]}
    service.act()
    service.now += timedelta(seconds=30)
    assert values() == {"waiting_events": [1], "waiting_seconds": [30]}


def test_an_error_that_nobody_thought_of_is_an_alert_too(
    service: ShippingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round that ends by one is no success, even if its message is empty."""
    service.ship()

    def broken(_: Shipping) -> None:
        raise AssertionError

    monkeypatch.setattr(Shipping, "ship_all", broken)
    assert service.ship(61) > 0
    assert names(service) == ["vault.failed"]
    assert "AssertionError" in service.open[str(service.archive.root)]
    monkeypatch.undo()
    service.ship(301)
    assert service.alerts.open == ()
