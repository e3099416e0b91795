"""The pages of an archive whose files and reports are hostile, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.hostile import NAME, PIXEL, SVG, fill
from tests.web_server import Pages, pages

MEMBER = f"deep/{NAME}"
TABS = ("report", "source", "conversions", "history", "about")
FORBIDDEN = ("<img src=x", "<script>alert", "<b>", "13370021", "\0", "\x1b", "\u202e", "x" * 5000)
"""What no page shows raw."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The archive, and the ids of its entries."""
    base = tmp_path_factory.mktemp("hostile")
    return base / "archive", fill(base)


@pytest.fixture(scope="module")
def served(made: tuple[Path, dict[str, str]]) -> Iterator[Pages]:
    """Its pages."""
    with pages(made[0]) as running:
        yield running


def test_nothing_foreign_is_raw_in_a_page(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """Markup is text, templates stay as they are, control and direction characters are marked, walls are cut."""
    entries = [f"/entries/{each}?tab={tab}" for each in made[1].values() for tab in TABS]
    entries += [f"/entries/{made[1][key]}?tab=source&as={kind}" for key in made[1] for kind in ("text", "bytes")]
    old_and_new = f"old={made[1]['hostile']}.1&new={made[1]['plain']}.1"
    entries += [f"/entries/{made[1][key]}/compare" for key in ("hostile", "repair")]
    entries.append(f"/entries/{made[1]['hostile']}/compare?{old_and_new}")
    entries.append(f"/entries/{made[1]['folder']}?tab=source&member={quote(MEMBER)}")
    reports = [f"/entries/{made[1]['hostile']}?report={n}{more}" for n in (1, 2) for more in ("", "&failed=yes")]
    with served.browser() as browser:
        for place in ("/", "/archives", "/archives?serial=%3Cimg*", *entries, *reports):
            answer = browser.get(place)
            shown = re.sub(r' value="[^"]*"', "", answer.content.decode("utf-8"))
            assert answer.status_code == 200, (place, answer.text[:2000])
            assert [each for each in FORBIDDEN if each in shown] == [], place


def test_a_report_is_shown_in_full(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """Charts are drawn, loops and answers are words, files, sub units and equipment are listed."""
    with served.browser() as browser:
        shown = browser.get(f"/entries/{made[1]['plain']}?report=1").text
        assert shown.count("<polyline") == 2 and "3 points, 1 to 5" in shown
        for words in (
            "2 runs, plain passed",
            "answer: plain",
            "run 1",
            "exit code plain",
            "Sub units",
            "Test equipment",
        ):
            assert words in shown
        assert shown.count("/attachments/") == 4 and shown.count("<img loading") == 1
        assert 'href="/archives?serial=plain"' in shown
        repair = browser.get(f"/entries/{made[1]['repair']}").text
        assert repair.count('data-label="Component"') == 2 and "Repaired by" in repair and "No step" not in repair


def test_only_images_are_shown_as_such(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """A file of a report is a picture by its bytes, whatever it says of itself; a document with scripts is a download."""
    place = f"/api/v1/entries/{made[1]['plain']}/reports/1/attachments"
    with served.api() as api:
        listed = api.get(place).json()
        assert [(each["name"], each["is_image"]) for each in listed] == [
            ("plain", False), ("page.html", False), ("plain", True),
        ]  # fmt: skip
        picture, drawing = api.get(f"{place}/3"), api.get(f"{place}/1")
        assert (picture.headers["content-type"], picture.content) == ("image/png", PIXEL)
        assert (drawing.headers["content-type"], drawing.content) == ("application/octet-stream", SVG)
        assert drawing.headers["content-disposition"].startswith("attachment")
        for answer in (picture, drawing):
            assert answer.headers["content-security-policy"].startswith("sandbox")
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert api.get(f"{place}/4").status_code == api.get(f"{place}/0").status_code == 404


def test_each_kind_of_source_is_shown(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """Documents are trees, images pictures, folders lists with each file one click away; companions too."""
    with served.browser() as browser:

        def shown(key: str, **more: str) -> str:
            return browser.get(f"/entries/{made[1][key]}", params={"tab": "source", **more}).text

        assert '<div class="tree">' in shown("json") and '<div class="tree">' in shown("xml")
        assert "&lt;!DOCTYPE a" in shown("entities") and "onload" not in shown("svg")
        assert f'src="/api/v1/entries/{made[1]["picture"]}/image"' in shown("picture")
        picture = browser.get(f"/api/v1/entries/{made[1]['picture']}/image")
        assert (picture.headers["content-type"], picture.content) == ("image/png", PIXEL)
        assert browser.get(f"/api/v1/entries/{made[1]['svg']}/image").status_code == 422
        assert quote(MEMBER, safe="") in shown("folder") and "&lt;img src=x" in shown("folder", member=MEMBER)
        assert browser.get(f"/entries/{made[1]['folder']}?tab=source&member=../x").status_code == 422
        assert "companion=long.extra" in shown("long") and "beside it" in shown("long", companion="long.extra")
        kept = browser.get(f"/api/v1/entries/{made[1]['long']}/companion?name=long.extra")
        assert kept.content == b"beside it" and "long.extra" in kept.headers["content-disposition"]


def test_windows_of_a_long_file(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """An address shows the file from any byte; the links lead through all of it; one beyond the end shows the end."""
    place = f"/entries/{made[1]['long']}?tab=source"
    with served.browser() as browser:
        seen, query = "", place
        while query:
            page = browser.get(query).text
            seen += re.sub(r".*<pre[^>]*>|</pre>.*", "", page, flags=re.DOTALL)
            found = re.search(r'href="([^"]*)" rel="next"', page)
            query = found[1].replace("&amp;", "&") if found else ""
        assert len(re.findall(r"\d{7}", seen)) >= 19_990
        assert "line 0019999" in browser.get(f"{place}&at=99999999").text
        assert "000000c0  " in browser.get(f"{place}&as=bytes&at=200").text
        assert "line 0000000" in browser.get(f"{place}&at=-5").text


def test_two_reports_side_by_side(served: Pages, made: tuple[Path, dict[str, str]]) -> None:
    """The page and its JSON twin name each field that differs, by step, of one entry's reports or of two entries'."""
    plain, again = made[1]["plain"], made[1]["repair"]
    with served.browser() as browser:
        shown = browser.get(f"/entries/{plain}/compare").text
        assert "fields differ" in shown and "plain / again" not in shown and "plain / plain" in shown
        fields = browser.get(f"/api/v1/entries/{plain}/comparison?number=1&other_number=2").json()
        assert f"{len(fields):,} fields differ" in shown
        assert {"path": "/sn", "kind": "changed", "old": "SN1", "new": "SN2"} in fields
        same = browser.get(f"/entries/{plain}/compare?old={plain}.1&new={plain}.1").text
        assert "say the same" in same and f'value="{again}.1"' in same
        assert "Repaired by" not in browser.get(f"/entries/{plain}/compare?old={plain}.1&new={again}.1").text
        for wrong in ("old=x.1", f"old={plain}.99", "new=..%2f.1", "old=." + "9" * 5000):
            assert browser.get(f"/entries/{plain}/compare?{wrong}").status_code in (404, 422), wrong
        assert browser.get(f"/entries/{made[1]['failed']}/compare").status_code == 422
