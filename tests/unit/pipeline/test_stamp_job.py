"""The service gets time stamps from an authority; what fails is an alert that closes itself, and nothing waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.authority import Authority, AuthorityServer
from tests.patience import PATIENCE_S
from tests.signing_service import HOUR_S, Service

from pywats_archive.archive.anchors.timestamps import query_for
from pywats_archive.config.time_stamps import TimeStampConfig
from pywats_archive.integrity.anchors import AnchorPlaces
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Checked, Thoroughness
from pywats_archive.pipeline.background import stamps
from pywats_archive.pipeline.background.stamps import StampJob


class Stamping:
    """The job beside the one that makes anchors, over one archive, and its authority."""

    def __init__(self, service: Service, server: AuthorityServer) -> None:
        self.service = service
        self.server = server
        self.stopping = threading.Event()
        self.configure(server.address)
        self.restart()

    def configure(self, address: str, certificates: Path | None = None) -> None:
        self.service.time_stamps = TimeStampConfig(
            time_stamp_url=address, time_stamp_certificates=str(certificates or self.server.authority.certificate)
        )

    def restart(self) -> None:
        service = self.service
        service.restart()
        self.job = StampJob(
            service.pool,
            service.alerts,
            tasks=service.tasks,
            station=lambda: service.station,
            stopping=self.stopping,
            now_s=lambda: service.now_s,
        )

    def step(self, after_s: float = 0.0) -> int:
        """Do a step of both jobs so many seconds later; returns the number of stamps by now."""
        self.service.step(after_s)
        self.job.step()
        return len(self.files(".tsr"))

    def files(self, suffix: str) -> list[Path]:
        return sorted((self.service.archive.root / "timestamps").glob(f"*{suffix}"))

    def checks(self) -> list[Checked]:
        places = AnchorPlaces(certificates=(self.server.authority.certificate,))
        return list(verify(self.service.archive, Thoroughness(chain=True), places))

    @property
    def reason(self) -> str:
        """The reason of the only alert."""
        (reason,) = self.service.open.values()
        return reason


@pytest.fixture
def stamping(tmp_path: Path) -> Iterator[Stamping]:
    server = AuthorityServer(Authority(tmp_path / "tsa"))
    service = Service(tmp_path)
    service.act()
    yield Stamping(service, server)
    service.archive.close()
    server.close()


def test_the_first_anchor_is_stamped_and_verify_finds_it_sound(stamping: Stamping) -> None:
    """Asked as RFC 3161 says; request, answer and anchor lie side by side, with an event, and the extent names them."""
    assert [stamping.step(), stamping.step(61)] == [0, 1]
    assert stamping.server.asked == [("/tsa", "application/timestamp-query")]
    (answer,) = stamping.files(".tsr")
    assert {each.name for each in answer.parent.iterdir()} == {answer.stem + end for end in (".tsr", ".tsq", ".anchor")}
    checks = stamping.checks()
    (extent,) = [each.history for each in checks if each.history]
    assert [each.problem for each in checks if each.problem] == []
    assert answer.name in str(extent.stamped) and extent.is_authority_known


def test_once_an_hour_at_most_and_never_for_a_time_stamp_alone(stamping: Stamping) -> None:
    """A station at rest makes neither a further anchor nor a further stamp, however long; one at work makes one an hour."""
    assert stamping.step(61) == 0 and stamping.step(61) == 1
    assert [stamping.step(HOUR_S) for _ in range(3)] == [1, 1, 1] and len(stamping.service.noted) == 1
    for number in (2, 3):
        stamping.service.act()
        stamping.service.job.end()
        stamping.service.act()
        assert stamping.step(HOUR_S) == number
        stamping.service.job.end()
        assert stamping.step(60) == number


def test_a_restart_does_not_ask_before_the_hour_is_over(stamping: Stamping) -> None:
    """A service that restarts again and again, with an anchor at each stop, does not flood the authority."""
    stamping.step()
    assert stamping.step(61) == 1
    stamping.service.act()
    stamping.service.job.end()
    stamping.restart()
    assert stamping.step(60) == 1
    assert stamping.step(HOUR_S) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 503}, "answered 503"),
        ({"kind": "text/html"}, "'text/html'"),
        ({"replaced": b"no answer"}, "no answer of a time stamp authority"),
        ({"replaced": b"0" * 1_000_001}, "too long"),
    ],
)
def test_a_bad_answer_is_an_alert_until_there_is_a_good_one(
    stamping: Stamping, fault: dict[str, object], reason: str
) -> None:
    """Nothing of it is stored; it is asked again 15 minutes later, and the alert closes itself."""
    stamping.step()
    for name, value in fault.items():
        setattr(stamping.server, name, value)
    assert stamping.step(61) == 0 and reason in stamping.reason and not stamping.files("*")
    stamping.server.status, stamping.server.kind, stamping.server.replaced = 200, "application/timestamp-reply", None
    assert stamping.step(60) == 0 and len(stamping.server.asked) == 1
    assert stamping.step(900) == 1 and stamping.service.open == {}


def test_an_authority_that_is_away_is_an_alert(stamping: Stamping) -> None:
    """Nobody listens at its address; without an address the alert ends."""
    stamping.step()
    stamping.configure("http://127.0.0.1:9/tsa")
    assert stamping.step(61) == 0 and "cannot be reached" in stamping.reason
    stamping.configure("")
    assert stamping.step(10) == 0 and stamping.service.open == {}


def test_another_authority_and_an_old_answer_are_refused(stamping: Stamping, tmp_path: Path) -> None:
    """The signature must lead to the certificate of the configuration, and the answer must be to this request."""
    stamping.step()
    stamping.configure(stamping.server.address, Authority(tmp_path / "other").certificate)
    assert stamping.step(61) == 0 and "trusted authority" in stamping.reason
    stamping.configure(stamping.server.address)
    assert stamping.step(901) == 1 and stamping.service.open == {}
    stamping.service.act()
    stamping.service.step(HOUR_S)
    other = tmp_path / "other.tsq"
    other.write_bytes(query_for(stamping.service.noted[-1]).content)
    stamping.server.replaced = stamping.server.authority.answer(other).read_bytes()
    assert stamping.step() == 1 and "another request" in stamping.reason


def test_an_authority_that_hangs_delays_neither_anchors_nor_the_stop(
    stamping: Stamping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert after the time limit, and a stop does not wait for the next request."""
    stamping.server.may_answer.clear()
    monkeypatch.setattr(stamps, "_ANSWER_WITHIN_S", 0.3)
    stamping.step()
    assert stamping.step(61) == 0 and "does not answer" in stamping.reason
    for waiting in [each for each in threading.enumerate() if each.name == "time stamp"]:
        waiting.join(PATIENCE_S)
    monkeypatch.setattr(stamps, "_ANSWER_WITHIN_S", 600.0)
    stamping.service.now_s += 901

    def stop_when_asked() -> None:
        while len(stamping.server.asked) < 2:
            time.sleep(0.01)
        stamping.stopping.set()

    threading.Thread(target=stop_when_asked, daemon=True).start()
    began = time.monotonic()
    stamping.job.step()
    assert time.monotonic() - began < PATIENCE_S


def test_the_proxy_of_the_environment_is_used(stamping: Stamping, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pyWATS' client does: the request goes to the proxy, with the authority's whole address."""
    monkeypatch.setenv("HTTP_PROXY", stamping.server.address)
    monkeypatch.setenv("NO_PROXY", "")
    stamping.configure("http://tsa.invalid/stamp")
    stamping.step()
    assert stamping.step(61) == 1
    assert [target for target, _ in stamping.server.asked] == ["http://tsa.invalid/stamp"]
