"""Reports that are too large for a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web_server import Pages, pages

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

STEPS = 120_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one entry that has a small and a very large report."""
    base = tmp_path_factory.mktemp("station")
    (base / "a.csv").write_bytes(b"a")
    with Archive.open(base / "archive", create=True, own=True) as archive:
        entry = ingest.archive_source(archive, ingest.NewSource(path=base / "a.csv", converter_name="C"))
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=archive.now(),
            duration_ms=1,
            status=ConversionStatus.SUCCESS,
            converter_name="C",
            converter_class="m.C",
        )
        bodies = [document(3), document(STEPS)]
        conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=bodies))
    return base / "archive"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def document(steps: int) -> bytes:
    each = [{"id": number, "name": f"step {number}", "status": "P", "group": "M"} for number in range(steps)]
    report = {"type": "T", "sn": "SN1", "pn": "P", "result": "P", "root": {"id": 0, "name": "Main", "steps": each}}
    return json.dumps(report).encode()


def entry_of(served: Pages) -> str:
    with served.api() as api:
        return str(api.get("/api/v1/entries").json()["items"][0]["archive_id"])


def test_the_page_shows_a_part_and_says_so(served: Pages) -> None:
    """Whoever looks for a failed step must know that not all of them are there."""
    with served.browser() as browser:
        shown = browser.get(f"/entries/{entry_of(served)}?report=2").text
        assert "too large to be shown whole" in shown
        (count,) = re.findall(r"The first ([\d,]+) steps", shown)
        assert 10_000 < int(count.replace(",", "")) < STEPS
        assert "too large" not in browser.get(f"/entries/{entry_of(served)}?report=1").text


def test_the_download_is_whole(served: Pages) -> None:
    """Byte for byte."""
    with served.api() as api:
        found = json.loads(api.get(f"/api/v1/entries/{entry_of(served)}/reports/2").content)
        assert found == {**json.loads(document(STEPS)), "id": found["id"]}


def test_two_reports_that_are_too_large_are_not_compared(served: Pages) -> None:
    """The answer says what to do instead."""
    with served.browser() as browser, served.api() as api:
        place = f"/entries/{entry_of(served)}/compare"
        answer = browser.get(f"{place}?old={entry_of(served)}.1&new={entry_of(served)}.2")
        assert answer.status_code == 422 and "compare_reports of the Python library" in answer.text
        answer = api.get(f"/api/v1/entries/{entry_of(served)}/comparison?number=1&other_number=2")
        assert answer.status_code == 422 and "too large" in answer.json()["title"]
