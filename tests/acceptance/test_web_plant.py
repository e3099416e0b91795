"""The pages of a plant over real HTTP: all stations of an index, read only."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.hostile import NAME
from tests.hostile_station import TEXT
from tests.patience import PATIENCE_S
from tests.plant_pages import FAILED_UNIT, NOT_CONVERTED, PASSED, WARNED, SmallPlant, plant_pages, small_plant
from tests.web_server import Pages, serving

from pywats_archive.client.plant.index import Plant
from pywats_archive.client.plant.state import PlantState
from pywats_archive.errors import ConfigError, TooSlow
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.plant import stations as of_index
from pywats_archive.web.access.guard import HEADERS
from pywats_archive.web.access.needs import actions_of
from pywats_archive.web.access.roles import Action, Role
from pywats_archive.web.access.users import Users
from pywats_archive.web.frame import rendering
from pywats_archive.web.plant.app import ROUTERS, plant_server
from pywats_archive.web.settings import WebSettings

FORBIDDEN = ("<img src=x", "<script>alert", "<b>", "13370021", "\x1b", "\u202e", "x" * 5000)
PASSWORD = "correct horse battery"
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlant]:
    """A plant of three stations, two of one name."""
    with small_plant(tmp_path_factory.mktemp("plant")) as plant:
        plant.station("fct-1", *[PASSED] * 30, FAILED_UNIT, NOT_CONVERTED, NOT_CONVERTED)
        plant.station("fct-2", *[PASSED] * 6, *[FAILED_UNIT] * 9, WARNED)
        plant.station("fct-2", *[PASSED] * 20)
        plant.update()
        yield plant


@pytest.fixture(scope="module")
def served(made: SmallPlant) -> Iterator[Pages]:
    """Its pages."""
    (made.root / "web").mkdir()
    with plant_pages(Plant(made.index), made.root / "web") as running:
        yield running


def entries_in(answer: httpx.Response) -> list[str]:
    """Return the addresses of the entries of a page, in its order."""
    assert answer.status_code == 200, answer.text[:2000]
    return re.findall(r'href="(/entries/[^"?]+)"', answer.text)


def addresses(found: list[PlantEntry] | tuple[PlantEntry, ...]) -> list[str]:
    return [f"/entries/{each.archive_uuid}/{each.archive_id}" for each in found]


def all_pages(browser: httpx.Client, place: str) -> Iterator[list[str]]:
    """Follow the links to the next page to the end."""
    while place:
        answer = browser.get(place)
        yield entries_in(answer)
        following = re.search(r'href="([^"]+)" rel="next"', answer.text)
        place = unescape(following[1]) if following else ""


def test_the_overview_compares_stations(served: Pages, made: SmallPlant) -> None:
    """Who stopped shipping comes first; a station whose units fail far more often than elsewhere is marked."""
    with served.browser() as browser:
        shown = browser.get("/?days=all").text
        by_part = browser.get("/?days=all&by=part").text
        today = browser.get("/?days=1").text
    assert shown.index("stopped shipping") < shown.index("<h2>")
    assert shown.count("stopped shipping") == 3 and "The index was updated" in shown
    (marked,) = re.findall(r'<a href="([^"]*)" class="badge bad" title="Far more units fail[^>]*>([^<]*)<', shown)
    assert marked[1] == "56.2 %" and "converter=FCT" in marked[0]
    uuid = next(each.archive_uuid for each in Plant(made.index).stations().stations if each.entries == 16)
    assert f"station={uuid}&amp;" in marked[0], "two stations have this name"
    assert "<dt>Stations</dt><dd>3, 3 silent</dd>" in shown and ">69</a>" in shown and ">2</a> of 69" in shown
    assert "P-100" in by_part and "No entries in these days" in today
    with served.browser() as browser:
        assert len(entries_in(browser.get(unescape(marked[0])))) == 16
        assert browser.get("/?days=31").status_code == browser.get("/?by=x").status_code == 422


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", PlantFilter()),
        ("status=failed", PlantFilter(status=NOT_CONVERTED.status)),
        ("station=fct-2&serial=SN1", PlantFilter(station="fct-2", serial_number="SN1")),
        ("serial=%25n1&order=asc", PlantFilter(serial_number="*n1", newest_first=False)),
        ("q=timeout", PlantFilter(text="timeout")),
        ("error=relay*7", PlantFilter(error="relay*7")),
        ("process=ICT&converter=FCT", PlantFilter(process="ICT", converter_name="FCT")),
        ("warned=yes", PlantFilter(warned=True)),
        ("station=none", PlantFilter(station="none")),
    ],
)
def test_an_address_finds_what_the_command_finds(served: Pages, made: SmallPlant, query: str, wanted: Any) -> None:
    """All pages together have the entries of ``plant search``, in its order."""
    with served.browser() as browser:
        seen = [each for page in all_pages(browser, f"/archives?{query}") for each in page]
    assert seen == addresses(Plant(made.index).entries(wanted))


def test_an_address_that_cannot_be_used_says_what_to_do(served: Pages) -> None:
    """A wrong field, or a position that is none, is no server error."""
    with served.browser() as browser:
        for query in (
            "status=odd",
            "nothing=1",
            "from=2026-13-01",
            "after=x",
            "after=[1,2]",
            "after=%5B%22a%22,1,1,1%5D",
        ):
            assert browser.get(f"/archives?{query}").status_code == 422, query
        assert browser.get(f"/archives?after={'[' * 900}").status_code == 422
        assert browser.get("/entries/none/20261124120337000_6f60ca").status_code == 404
        assert browser.get("/entries/none").status_code == 404


def test_an_entry_has_what_the_index_knows(served: Pages, made: SmallPlant) -> None:
    """Its reports, its station, and where the vault has it."""
    (entry, *_) = Plant(made.index).entries(PlantFilter(process="ICT", station="fct-2"), limit=1)
    with served.browser() as browser:
        shown = browser.get(*addresses([entry])).text
    for text in ("fct-2", "SN 2/4", "P_1%", "ICT", entry.source_checksum, entry.segment, entry.archive_uuid):
        assert text and text in shown
    assert shown.count('data-label="Report id"') == 2


def test_pages_stay_as_they_are_while_the_index_is_replaced(tmp_path: Path) -> None:
    """Paging goes on where it was: no entry is skipped or shown twice, whatever was added or merged since."""
    with small_plant(tmp_path) as plant:
        one = plant.station("a", *[PASSED] * 120)
        before = addresses(plant.update().entries(PlantFilter()))
        with plant_pages(Plant(plant.index), tmp_path) as running, running.browser() as browser:
            seen: list[str] = []
            for number, page in enumerate(all_pages(browser, "/archives"), 1):
                seen += page
                for _ in range(60):
                    one.add(PASSED)
                one.ship()
                plant.update(days_later=number)
            assert seen == before
            assert len(addresses(Plant(plant.index).entries(PlantFilter()))) > len(before)


def test_a_page_is_of_one_state_of_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are removed between two questions of one page: it is asked again, of the new state."""
    with small_plant(tmp_path) as plant:
        one = plant.station("a", PASSED)
        plant.update()
        states: list[int] = []

        def question(state: PlantState) -> tuple[int, int]:
            states.append(state.find(PlantFilter()).total)
            if len(states) == 1:
                one.add(NOT_CONVERTED)
                one.ship()
                plant.update(days_later=1)
            return states[-1], sum(each.entries for each in state.stations().stations)

        assert Plant(plant.index).read(question) == (2, 2)
        assert states == [1, 2]


def test_nothing_foreign_is_raw_in_a_page(tmp_path: Path) -> None:
    """Names of stations, files and converters, errors and numbers come from strangers; each template is seen."""
    rendering._TEMPLATES.cache.clear()  # type: ignore[union-attr]
    with small_plant(tmp_path) as plant:
        odd = plant.station(TEXT[:200])
        entry = odd.add(NOT_CONVERTED, converter=TEXT[:900])
        odd.convert(entry, PASSED, converter_version=TEXT[:900], error=TEXT, serial=TEXT[:900], warnings=(TEXT, NAME))
        odd.ship()
        index = plant.update()
        (found,) = index.entries(PlantFilter())
        assert "<script>" in found.station + found.converter_name and "<script>" in (found.serial_number or "")
        with plant_pages(index, tmp_path) as running, running.browser() as browser:
            for place in ("/?days=all", "/?days=all&by=part", "/archives", *addresses([found])):
                answer = browser.get(place)
                assert answer.status_code == 200 and answer.text.count("&lt;script") > 0, place
                shown = re.sub(r' value="[^"]*"', "", answer.text)
                assert [each for each in FORBIDDEN if each in shown] == [], place
                assert HEADERS.items() <= dict(answer.headers).items()
            for link in re.findall(r'href="(/[^"]*)"', browser.get("/?days=all").text):
                assert browser.get(unescape(link)).status_code == 200, link
            for name in ("q", "station", "serial", "error", "after", "odd"):
                answer = browser.get("/archives", params={name: TEXT[:900]})
                assert answer.status_code in (200, 422)
                shown = re.sub(r' value="[^"]*"', "", answer.text)
                assert [each for each in FORBIDDEN if each in shown] == [], name
        used = {name for _, name in rendering._TEMPLATES.cache or ()}
        assert {each for each in rendering._TEMPLATES.list_templates() if each.startswith("plant/")} <= used


def test_nothing_can_be_changed(served: Pages) -> None:
    """Only signing in and out are forms; there is no API; a viewer sees all of it, and a stranger nothing."""
    others = {(route.path, *(route.methods or ())) for route in ROUTES if route.methods != {"GET"}}
    assert others == {("/sign-in", "POST"), ("/sign-out", "POST")}
    assert {each for route in ROUTES for each in actions_of(route)} == {Action.READ, Action.SIGN_IN, Action.OWN_ACCOUNT}
    assert all(actions_of(route) for route in ROUTES)
    with served.api() as api:
        for path in ("/", "/archives", "/entries/x/y", "/settings", "/users", "/api/v1/entries"):
            assert api.post(path).status_code in (404, 405), path
        for path in (
            "/api/v1/openapi.json",
            "/api/v1/entries",
            "/runs",
            "/settings",
            "/users",
            "/account",
            "/retention",
        ):
            assert api.get(path).status_code == 404, path
    with httpx.Client(base_url=served.address) as stranger:
        for path in ("/", "/archives", "/entries/x/y"):
            assert stranger.get(path).headers["location"].startswith("/sign-in"), path
        assert "Token of this plant" in stranger.get("/sign-in").text


def test_the_users_of_the_configuration_sign_in(made: SmallPlant, tmp_path: Path) -> None:
    """Users are beside the configuration, never in the index: that may be made again."""
    config = tmp_path / "config.json"
    config.write_text("{}")
    Users(tmp_path).add("ann", PASSWORD, Role.VIEWER)
    before = sorted(path.name for path in made.index.iterdir())
    with serving("web", "--port", "0", "--plant", made.index, "--config", config) as running:
        assert (tmp_path / "pywats-archive-web.token").is_file()
        with httpx.Client(base_url=running.address, follow_redirects=True) as ann:
            assert "Overview" in ann.post("/sign-in", data={"name": "ann", "password": PASSWORD}).text
            assert len(entries_in(ann.get("/archives"))) == 50
            assert "/account" not in ann.get("/").text
    assert sorted(path.name for path in made.index.iterdir()) == before


def test_a_slow_search_is_stopped_and_stops_nobody(made: SmallPlant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search has its own turn and a time limit; other pages are made meanwhile."""
    begun, may_end = threading.Event(), threading.Event()
    real = of_index.known

    def slow(index: Any, **more: Any) -> Any:
        begun.set()
        may_end.wait(PATIENCE_S)
        return real(index, **more)

    with plant_pages(Plant(made.index), made.root) as running, running.browser() as browser:
        with pytest.raises(TooSlow, match="stopped after 0 s; narrow it"):
            Plant(made.index).read(_endless, within_s=0.2)
        monkeypatch.setattr(of_index, "known", slow)
        searching = threading.Thread(target=lambda: browser.get("/archives?q=timeout"))
        searching.start()
        assert begun.wait(PATIENCE_S)
        with running.browser() as other:
            assert other.get("/?days=all").status_code == 200
            assert other.get(*addresses(Plant(made.index).entries(PlantFilter(), limit=1))).status_code == 200
        assert searching.is_alive()
        may_end.set()
        searching.join()


def _endless(state: PlantState) -> Any:
    query = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    return state._index.db.execute(query).fetchall()


def test_without_the_extra_the_command_says_what_to_install(
    made: SmallPlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB is imported by the pages of a plant alone."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match=r"needs pywats-archive\[plant\]; install it"):
        plant_server(Plant(made.index), WebSettings(port=0), folder=tmp_path)
