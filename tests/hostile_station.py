"""A station where every name and text is hostile: converters, errors, runs, policies, holds, alerts, findings, users."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive import alerts
from pywats_archive.archive.audit import scrub_log
from pywats_archive.archive.audit.scrub_log import EntryCheck
from pywats_archive.archive.core import Archive
from pywats_archive.client import Client
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users
from pywats_archive.web.app import station_server
from pywats_archive.web.settings import WebSettings
from tests import hostile
from tests.replayed import pages_of
from tests.station import Station, wait_for
from tests.web_server import Pages

TEXT = hostile.HOSTILE.replace("\0", "").replace("\ud800", "")
"""What a file or a form can hold."""
CONVERTER = f"{hostile.MARKUP}{{{{7*1910003}}}}\u202egnp"
PASSWORD = TEXT[:900]
SWITCHED_OFF = f"off {CONVERTER}"
"""A converter whose archive is off."""
CODE = """
TEXT = {text!r}
class Odd(Any):
    version = property(lambda self: TEXT[:900])
    def outcome(self, source, context):
        if "fails" in source.path.name:
            return ConverterResult.failed_result(error=TEXT)
        found = report(source.path.stem, result={result!r}, rev=TEXT, root={{"name": TEXT, "steps": [{{"name": TEXT}}]}})
        return ConverterResult.success_result(report=found, warnings=[TEXT])
"""


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """A hostile station, and what its addresses need."""

    station: Station
    entries: dict[str, str]
    """Ids of entries by what they are, as ``tests.hostile.fill`` made them."""
    pages: Pages
    job: str
    """Address of an action over many entries that was carried out."""


@contextmanager
def hostile_station(
    root: Path, serve: Callable[[Station], AbstractContextManager[Pages]] = pages_of
) -> Iterator[Hostile]:
    """Make a hostile station and serve its pages: run 1 is a comparison that could be sent, run 2 was sent."""
    entries = hostile.fill(root)
    with Station(root) as station:
        station.code(CODE.format(text=TEXT, result="P"))
        watch = station.add("odd", "own.Odd")
        station.add("off", "own.Any", archive_enabled=False)
        station.sections[0]["name"], station.sections[1]["name"] = CONVERTER, SWITCHED_OFF
        for name in ("fails.log", "SN-7.log"):
            (watch / name).write_text(name)
        station.run()
        station.code(CODE.format(text=f"other {TEXT}", result="F"))
        _record(station, entries)
        users = Users(station.root)
        users.add("ann", PASSWORD, Role.ADMIN)
        users.add_token("ann", "script", days=1)
        with serve(station) as running:
            _replay(running)
            job = _hold(running, entries["svg"])
            yield Hostile(station=station, entries=entries, pages=running, job=job)


@contextmanager
def in_this_process(station: Station) -> Iterator[Pages]:
    """Serve the pages of a station from a thread, for tests that look inside."""
    with Client.from_config(station.write_config()) as client, in_a_thread(client, station.root) as running:
        yield running


@contextmanager
def archive_alone(station: Station) -> Iterator[Pages]:
    """Serve the pages of a station's archive without its configuration."""
    with Client(station.archive_root) as client, in_a_thread(client, station.archive_root) as running:
        yield running


@contextmanager
def in_a_thread(client: Client, folder: Path) -> Iterator[Pages]:
    """Serve the pages of a client from a thread."""
    server = station_server(client, WebSettings(port=0), folder=folder)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Pages(sign_in=server.sign_in)
    finally:
        server.stop()
        thread.join()


def _record(station: Station, entries: dict[str, str]) -> None:
    """Put on record what a service finds only later."""
    with Archive.open(station.archive_root, own=True) as archive:
        now = archive.now()
        alert = OpenAlert(name="archive.full", subject=TEXT, raised_at=now, details={TEXT: TEXT, "message": TEXT})
        event = Event(kind="alert.raised", at=now, details={"name": alert.name, "subject": TEXT})
        alerts.record(archive, alert, event, is_over=False)
        path = archive.entry(entries["plain"]).source_archived_path
        problem = Problem(kind=ProblemKind.BLOB_DAMAGED, path=path, archive_id=entries["plain"], message=TEXT)
        reading = EntryCheck(archive_id=entries["plain"], paths=(path,), read_bytes=1, problems=(problem,))
        scrub_log.record(archive, [reading])
    with Client(station.archive_root, actor=CONVERTER) as client:
        client.retention.hold([entries["plain"]], TEXT[:1000])
        client.retention.set_policy(replace(client.retention.policy(CONVERTER), retention_days=30), confirmed=True)


def _replay(running: Pages) -> None:
    with running.api() as api:

        def ended(run_id: int) -> None:
            wait_for(lambda: not api.get(f"/api/v1/runs/{run_id}/progress").json()["activity"])

        answer = api.post("/api/v1/runs?q=SN-7", json={})
        assert answer.status_code == 202, answer.text
        ended(1)
        answer = api.post("/api/v1/runs/1/send", json={"reports": 1, "reason": TEXT[:900]})
        assert answer.status_code == 202, answer.text
        ended(2)
        api.post("/api/v1/runs", json={}).raise_for_status()
        ended(3)


def _hold(running: Pages, archive_id: str) -> str:
    """Hold an entry with the action over many, and return the address of the job."""
    with running.browser() as browser:
        form = browser.get("/archives/chosen", params={"do": "hold", "id": archive_id})
        found = dict(re.findall(r'name="(key|entries)" value="(\w+)"', form.text))
        shown = browser.post(str(form.url), data={**found, "reason": TEXT[:900]})
        return shown.url.path
