"""What the outbox says of the server becomes alerts: at once, or after a quarter of an hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive import ingest, record
from pywats_archive.archive.core import Archive
from pywats_archive.conversion.outbox import OutboxState
from pywats_archive.conversion.server_state import ServerTrouble
from pywats_archive.conversion.tries import Unsendable
from pywats_archive.host.answers import Trouble
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.alerts import SERVER_AWAY, UNAUTHORISED, UNSENDABLE, Alerts
from pywats_archive.pipeline.server_watch import ServerWatch, server_alert

NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)
ADDRESS = "https://user:secret@wats.example"
SUBJECT = "https://wats.example"


def state(kind: Trouble | None = None, *, stopped: bool = False, **more: Any) -> OutboxState:
    """An outbox with one report in hand, and trouble since second 100."""
    trouble = ServerTrouble(since_s=100, reason="why", kind=kind, is_stopped=stopped) if kind else None
    base: dict[str, Any] = {"in_flight": 1, "offered": 0, "only_in_memory": 0, "stopped_by": None, "trouble": trouble}
    return OutboxState(**base | more)


@pytest.mark.parametrize(
    ("now", "now_s", "alert"),
    [
        (state(), 9_999, None),
        (state(Trouble.UNREACHABLE), 999, None),
        (state(Trouble.UNREACHABLE), 1000, SERVER_AWAY),
        (state(Trouble.TIMED_OUT), 1000, SERVER_AWAY),
        (state(Trouble.UNAUTHORISED, stopped=True), 100, UNAUTHORISED),
        (state(Trouble.UNUSABLE, stopped=True), 100, SERVER_AWAY),
        (state(Trouble.ANOTHER_ID, stopped=True), 100, SERVER_AWAY),
    ],
)
def test_which_alert_it_is(now: OutboxState, now_s: float, alert: str | None) -> None:
    """What a person must change is told at once, a server that is away after a quarter of an hour."""
    assert server_alert(now, now_s) == ((alert, "why") if alert else None)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive without anything in it."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        yield made


class _Watched:
    """The alerts of one archive's station, looked at as a service does."""

    def __init__(self, archive: Archive, alerts: Alerts | None = None) -> None:
        self.alerts = alerts or Alerts(lambda: (archive,), clock=lambda: NOW)
        self._watch = ServerWatch(self.alerts, lambda: (archive,))

    def look(self, now: OutboxState, now_s: float = 100, *, address: str = ADDRESS) -> list[tuple[str, str]]:
        self._watch.look(now, address, now_s)
        return [(alert.name, alert.subject) for alert in self.alerts.open]


def test_an_alert_of_the_server_is_over_once_it_answers(archive: Archive) -> None:
    """It names the server without the password in its address, and changes with what is wrong (invariant 10)."""
    watched = _Watched(archive)
    assert watched.look(state(Trouble.UNREACHABLE), 1000) == [(SERVER_AWAY, SUBJECT)]
    assert watched.look(state(Trouble.UNAUTHORISED, stopped=True)) == [(UNAUTHORISED, SUBJECT)]
    assert watched.look(state(has_answered=True)) == []


def test_an_alert_of_a_server_is_over_once_another_one_is_configured(archive: Archive) -> None:
    """Only the server that reports go to now can be in trouble."""
    watched, other = _Watched(archive), "https://other.example"
    watched.look(state(Trouble.UNREACHABLE), 1000)
    assert watched.look(state(Trouble.UNREACHABLE), 1000, address=other) == [(SERVER_AWAY, other)]


def test_an_alert_of_an_earlier_run_stays_until_something_is_known(archive: Archive) -> None:
    """A restart does not end it; an answer does, or that nothing waits any more."""
    before = _Watched(archive)
    before.look(state(Trouble.UNREACHABLE), 1000)
    again = Alerts(lambda: (archive,), clock=lambda: NOW)
    again.take_up(archive)
    watched = _Watched(archive, again)
    assert watched.look(state()) == [(SERVER_AWAY, SUBJECT)]
    assert watched.look(state(in_flight=0)) == []


def test_reports_that_wait_in_an_archive_count_as_waiting(archive: Archive, tmp_path: Path) -> None:
    """While the outbox pauses it has nothing in hand: what waits is in the archive."""
    source = tmp_path / "a.csv"
    source.write_bytes(b"x")
    entry = ingest.archive_source(archive, ingest.NewSource(path=source, converter_name="ICT"))
    report = record.add_report(archive, entry.archive_id, b'{"sn": "1"}')
    watched, paused = _Watched(archive), state(Trouble.BUSY, in_flight=0)
    assert watched.look(paused, 1000) == [(SERVER_AWAY, SUBJECT)]
    record.record_try(archive, report, state=SubmissionState.ACCEPTED)
    assert watched.look(paused, 1001) == []
    assert watched.look(state(Trouble.BUSY, in_flight=0, offered=1), 1002) == [(SERVER_AWAY, SUBJECT)]


def test_what_cannot_be_read_is_an_alert_of_its_archive(archive: Archive) -> None:
    """However many reports of one archive, it is one alert, and is over with the last of them."""
    watched, root = _Watched(archive), str(archive.root)
    bad = tuple(Unsendable(place=root, reason=f"{number}: cannot be read") for number in range(3))
    assert watched.look(state(unsendable=bad)) == [(UNSENDABLE, root)]
    assert dict(watched.alerts.open[0].fields) == {"reason": "0: cannot be read"}
    assert watched.look(state(unsendable=bad[2:])) == [(UNSENDABLE, root)]
    assert watched.look(state()) == []
    whole = Unsendable(place=root, reason="its waiting reports cannot be asked for")
    assert watched.look(state(unread=(whole,))) == [(UNSENDABLE, root)]
