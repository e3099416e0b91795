"""The pages Settings, About and the wizard with their JSON twin, over a real configuration, service and HTTP on loopback."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.station import PATIENCE_S, Station, wait_for
from tests.web_server import Pages, pages, serving

from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter

ODD = '"><b>&\u202eX\x01'
TOKEN = "dGVzdDp0ZXN0"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with a converter whose archive is on, one whose archive is off, and one with a hostile name."""
    with Station(tmp_path) as made:
        made.add("first", arguments={"greeting": "hello", "password": "hunter2"}, retention_days=60)
        made.add("second", archive_enabled=False, archive_folder="")
        made.add(ODD, archive_enabled=False, watch_folder="odd/watch", arguments={ODD: ODD})
        made.write_config()
        yield made


@pytest.fixture
def archived(station: Station) -> Station:
    """The station with an archive, since its first converter has converted a file."""
    (station.root / "first" / "watch" / "SN1.log").write_bytes(b"x")
    station.run()
    return station


@pytest.fixture
def served(station: Station) -> Iterator[Pages]:
    """Its pages."""
    with pages_of(station.root / "config.json") as running:
        yield running


def pages_of(config: Path) -> Any:
    """Serve the pages of a configuration."""
    return serving("web", "--port", "0", "--config", config)


def section(station: Station, name: str) -> dict[str, Any]:
    """Return the section of a converter in the file as it is now."""
    document = json.loads((station.root / "config.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = next(each for each in document["converters"] if each["name"] == name)
    return found


def form(page: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of the form that saves."""
    assert page.status_code == 200, page.text
    (text,) = re.findall(r'<form method="post" action="/settings/wizard">(.*?)</form>', page.text, re.S)
    fields = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', text, re.S)
    return {name: html.unescape(value) for name, value in fields}


def test_what_holds_and_where_it_comes_from(archived: Station, served: Pages) -> None:
    """Values, origins, policy and places are shown; secrets are not, and hostile names do no harm (invariant 10)."""
    with served.browser() as browser:
        shown = browser.get("/settings").text
        assert "60 days, failed ones 120, at most 10 GB" in shown and "No service runs" in shown
        assert re.search(r"<code>retention_days</code></th><td[^>]*><bdi>60</bdi></td><td[^>]*><bdi>config.json", shown)
        assert re.search(r"<code>compression_level</code></th><td[^>]*><bdi>6</bdi></td><td[^>]*><bdi>default", shown)
        assert "<bdi>hello</bdi>" in shown and str(archived.root / "pywats-archive.key") in shown
        assert "hunter2" not in shown and TOKEN not in shown and ODD not in shown
        assert "&#34;&gt;&lt;b&gt;&amp;&lt;U+202E&gt;X&lt;U+0001&gt;" in shown
        assert "SQLAlchemy" in browser.get("/settings/about").text
    with served.api() as api, Client.from_config(archived.root / "config.json") as client:
        found = api.get("/api/v1/settings")
        assert [each["name"] for each in found.json()] == [each.name for each in client.settings.converters()]
        assert "hunter2" not in found.text and TOKEN not in found.text
        packages = api.get("/api/v1/settings/installation").json()["packages"]
        assert packages == [
            {"name": each.name, "version": each.version, "licence": each.licence}
            for each in client.installation().packages
        ]


def test_the_wizard_switches_an_archive_on_and_the_service_uses_it(station: Station) -> None:
    """Four forms; then a file that is dropped is archived in the new folder, without a restart of service or pages."""
    with (
        station.serving(),
        pages_of(station.root / "config.json") as served,
        served.browser() as browser,
        served.api() as api,
    ):
        asked = {"converter": "second", "archive_folder": "other"}
        first = browser.get("/settings/wizard/folder", params=asked)
        assert str(station.root / "other") in first.text and "Survives a crash" in first.text
        assert not (station.root / "other").exists()
        asked |= {"on_archive_error": "continue", "archive_companions": "{stem}.a\r\n\r\n{stem}.b"}
        assert browser.get("/settings/wizard/keep", params=asked).status_code == 200
        asked |= {"retention_days": "30", "max_archive_size_gb": "2.5"}
        assert "No forecast" in browser.get("/settings/wizard/limits", params=asked).text
        before = (station.root / "config.json").read_bytes()
        summary = browser.get("/settings/wizard/summary", params=asked)
        assert (station.root / "config.json").read_bytes() == before
        saved = browser.post("/settings/wizard", data=form(summary))
        assert saved.url.path == "/settings" and "The settings of <bdi>second</bdi> were saved" in saved.text
        now = section(station, "second")
        assert (now["archive_enabled"], now["archive_folder"], now["on_archive_error"]) == (True, "other", "continue")
        assert (now["retention_days"], now["max_archive_size_gb"]) == (30, 2.5)
        assert now["archive_companions"] == ["{stem}.a", "{stem}.b"]
        wait_for(lambda: browser.get("/settings").text.count("The service works on this archive") == 2)
        (station.root / "second" / "watch" / "SN2.log").write_bytes(b"y")
        wait_for(lambda: api.get("/api/v1/entries", params={"serial": "SN2"}).json()["total"] == 1)
        with Client(station.root / "other") as client:
            assert client.retention.policy("second").retention_days == 30
        (former,) = (station.root / "pywats-archive-former").glob("*config.json")
        assert former.read_bytes() == before


def test_of_an_archive_that_is_on_only_what_changes_is_written(archived: Station, served: Pages) -> None:
    """Its policy is left to the page Retention, and the change is in the history with who made it."""
    with served.browser() as browser:
        asked = {"converter": "first", "on_archive_error": "continue", "retention_days": "5"}
        limits = browser.get("/settings/wizard/limits", params=asked).text
        assert "60 days, failed ones 120" in limits and "/retention/policy?converter=first" in limits
        before = section(archived, "first")
        browser.post("/settings/wizard", data=form(browser.get("/settings/wizard/summary", params=asked)))
        assert section(archived, "first") == {**before, "on_archive_error": "continue"}
        again = browser.get("/settings/wizard/summary", params=asked).text
        assert "there is nothing to save" in again
    with Client(archived.archive_root) as client:
        (event,) = client.events(EventFilter(kinds=("settings.changed",))).events
        assert event.actor == "token:station" and event.details["converter_name"] == "first"


@pytest.mark.parametrize(
    ("field", "value", "step"),
    [
        ("archive_folder", "second/watch/inside", "folder"),
        ("archive_folder", "~/archive", "folder"),
        ("archive_folder", "a\0b", "folder"),
        ("archive_folder", "x" * 300, "folder"),
        ("archive_source_files", "odd", "keep"),
        ("archive_companions", "/etc/passwd", "keep"),
        ("retention_days", "ten", "limits"),
        ("retention_days", "0", "limits"),
        ("max_archive_size_gb", "nan", "limits"),
        ("compression_level", "10", "limits"),
    ],
)
def test_a_wrong_answer_leads_to_its_form(served: Pages, station: Station, field: str, value: str, step: str) -> None:
    """The form has the value and what is wrong beside the field, with all other answers; nothing is written."""
    before = (station.root / "config.json").read_bytes()
    asked = {"converter": "second", "archive_folder": "other", "on_archive_error": "continue", field: value}
    with served.browser() as browser:
        page = browser.get("/settings/wizard/summary", params=asked)
        assert page.url.path == f"/settings/wizard/{step}" and page.url.params.get(field) == value
        assert f'id="{field}-fault"' in page.text and page.url.params.get("on_archive_error") == "continue"
        sent = browser.post("/settings/wizard", data={**asked, "checksum": "sha256:0"})
        assert sent.url.path == f"/settings/wizard/{step}"
    assert (station.root / "config.json").read_bytes() == before


@pytest.mark.parametrize("folder", [ODD, "'; rm -rf /", "{{7*7}}", "Prüfplatz/Archiv", "a b\u202ec"])
def test_any_folder_that_a_disk_can_have(served: Pages, station: Station, folder: str) -> None:
    """A hostile folder of a hostile converter goes through all forms, is shown as text and written as it is."""
    asked = {"converter": ODD, "archive_folder": folder}
    with served.browser() as browser, served.api() as api:
        for step in ("folder", "keep", "limits", "summary"):
            page = browser.get(f"/settings/wizard/{step}", params=asked)
            assert page.status_code == 200 and page.url.path.endswith(step), page.text
            assert "<b>" not in page.text
        plan = api.post(
            "/api/v1/settings/plan", json={"converter_name": ODD, "values": {"archive_folder": folder}}
        ).json()
        data = {**asked, "checksum": plan["checksum"]}
        assert browser.post("/settings/wizard", data=data).url.path == "/settings"
    assert section(station, ODD)["archive_folder"] == folder and section(station, ODD)["arguments"] == {ODD: ODD}


def test_a_file_that_changed_meanwhile_is_not_overwritten(served: Pages, station: Station) -> None:
    """The page shows the changes again; what somebody else wrote stays."""
    with served.browser() as browser:
        data = form(browser.get("/settings/wizard/summary", params={"converter": "second"}))
        station.keys["odd"] = "of somebody else"
        station.write_config()
        refused = browser.post("/settings/wizard", data=data)
        assert refused.status_code == 409 and "was changed meanwhile" in refused.text
        assert not section(station, "second")["archive_enabled"]
        assert browser.post("/settings/wizard", data=form(httpx.Response(200, text=refused.text))).status_code == 200
    written = json.loads((station.root / "config.json").read_text(encoding="utf-8"))
    assert written["odd"] == "of somebody else" and section(station, "second")["archive_enabled"]


def test_of_two_savers_at_once_one_wins(served: Pages, station: Station) -> None:
    """The other gets 409, as a form and as a program."""
    with served.api() as api:
        checksum = api.post("/api/v1/settings/plan", json={"converter_name": "second"}).json()["checksum"]
    codes: dict[int, int] = {}

    def save(days: int) -> None:
        wanted = {"converter_name": "second", "values": {"retention_days": days}, "checksum": checksum}
        with served.api() as own:
            codes[days] = own.post("/api/v1/settings", json=wanted).status_code

    threads = [threading.Thread(target=save, args=(days,)) for days in (101, 102, 103, 104)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes.values()) == [200, 409, 409, 409]
    assert codes[section(station, "second")["retention_days"]] == 200


@pytest.mark.usefixtures("archived")
def test_the_twin_says_what_is_wrong(served: Pages) -> None:
    """A plan has the faults by key; other keys, converters and fields are refused; a folder and the load are judged."""
    with served.api() as api:
        plan = api.post("/api/v1/settings/plan", json={"converter_name": "second", "values": {"retention_days": "x"}})
        assert plan.json()["faults"] == [{"key": "retention_days", "message": "Must be a whole number"}]
        wrong: dict[str, Any] = {"converter_name": "second", "values": {"module_path": "os.system"}}
        assert api.post("/api/v1/settings/plan", json=wrong).status_code == 422
        assert api.post("/api/v1/settings/plan", json={"converter_name": "none"}).status_code == 404
        assert api.post("/api/v1/settings/folder", json={"archive_folder": "other"}).json()["level"]
        assert api.post("/api/v1/settings/load", json={"converter_name": "first"}).json()["files"] == 1
        assert api.post("/api/v1/settings/load", json={"converter_name": "second"}).json() is None


def test_a_link_of_another_site_touches_no_folder(served: Pages) -> None:
    """The folder is examined only if the person asked for it on these pages."""
    asked = {"converter": "second", "archive_folder": "other"}
    with served.browser() as browser:
        for site, is_examined in (("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)):
            page = browser.get("/settings/wizard/folder", params=asked, headers={"sec-fetch-site": site})
            assert page.status_code == 200 and ("Survives a crash" in page.text) == is_examined, site


def test_an_invalid_configuration_is_a_problem_with_its_place(served: Pages, station: Station) -> None:
    """A comment is named with its line; the other pages go on."""
    path = station.root / "config.json"
    path.write_text("// ours\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with served.browser() as browser:
        for place in ("/settings", "/settings/wizard", "/settings/wizard/folder?converter=second"):
            page = browser.get(place)
            assert page.status_code == 422 and "line 1, column 1: json has no comments" in page.text.lower()
        assert browser.get("/archives").status_code == 200


def test_without_a_configuration_there_is_only_about(archived: Station) -> None:
    """The pages of one archive say what to do."""
    with pages(archived.archive_root) as served, served.browser() as browser:
        for place in ("/settings", "/settings/wizard"):
            assert "web --config config.json" in browser.get(place).text
        assert "pywats-api" in browser.get("/settings/about").text
        assert browser.get("/settings/wizard/keep?converter=x").status_code == 422


@pytest.mark.usefixtures("archived")
def test_a_new_converter_gets_the_limits_of_all_others(served: Pages) -> None:
    """Limits that are set nowhere are those of the archive's policy for all others, and stand in the summary."""
    with served.browser() as browser, served.api() as api:
        change = {"converter_name": "*", "changes": {"retention_days": 365, "max_size_gb": 50}}
        assert api.post("/api/v1/retention/policy", json=change).status_code == 200
        asked = {"converter": "second"}
        shown = browser.get("/settings/wizard/limits", params=asked).text
        assert 'value="365"' in shown and 'value="50"' in shown
        assert (
            '<code>retention_days</code></th><td class="source"><bdi>365</bdi>'
            in browser.get("/settings/wizard/summary", params=asked).text
        )


def test_pages_that_are_restarted_in_the_middle_lose_nothing(station: Station) -> None:
    """A form that was open before is saved afterwards: no answer is in the server."""
    asked = {"converter": "second", "archive_folder": "other", "retention_days": "30"}
    config = station.root / "config.json"
    with pages_of(config) as before, before.browser() as browser:
        data, cookies = form(browser.get("/settings/wizard/summary", params=asked)), dict(browser.cookies)
    with pages_of(config) as after:
        answer = httpx.post(f"{after.address}/settings/wizard", data=data, cookies=cookies, timeout=PATIENCE_S)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings?saved=second")
    assert section(station, "second")["retention_days"] == 30


def test_a_new_station_is_led_to_the_wizard(tmp_path: Path) -> None:
    """Without an entry, Overview leads to the wizard, which begins with the choice of a converter."""
    with Station(tmp_path) as made:
        made.add("only", archive_enabled=False)
        with pages_of(made.write_config()) as served, served.browser() as browser:
            assert 'href="/settings/wizard"' in browser.get("/").text
            assert 'href="/settings/wizard/folder?converter=only"' in browser.get("/settings/wizard").text


def test_the_load_of_a_level_is_the_same_from_afar(station: Station, served: Pages) -> None:
    """The files of a converter without an archive are compressed at the level that is asked for."""
    for number in range(3):
        (station.root / "second" / "watch" / f"{number}.log").write_text("".join(f"{n * n};" for n in range(3000)))
    with Client.from_config(station.root / "config.json") as here, Client(served.address, token=served.token) as there:
        known = [here.settings.expected("second", level=level) for level in (1, 6)]
        assert known[0] != known[1]
        assert [there.settings.expected("second", level=level) for level in (1, 6)] == known
