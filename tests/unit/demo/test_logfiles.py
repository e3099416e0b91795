"""The generated log files, read by pyWATS' real converters."""

from __future__ import annotations

import ast
import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from pywats_archive import demo
from pywats_archive.demo.drops import Drop, drop_list
from pywats_archive.demo.logfiles import sized
from pywats_archive.demo.reception import missing_fields
from pywats_archive.demo.station import CONVERTERS
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.worker.entry import convert
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus

DEMO = Path(demo.__file__).parent
REGULAR = ("json", "spea", "seica", "xjtag", "klippel", "csv", "burn-in")


def _converted(drop: Drop, folder: Path, *, with_late: bool = False) -> ConversionResult:
    files = drop.companions | (drop.late if with_late else {})
    source = {f"{drop.name}/{name}": content for name, content in drop.members.items()} or {drop.name: drop.content}
    for name, content in (files | source).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return convert(
        ConversionJob(
            module_path=CONVERTERS[drop.converter],
            converters_folder=str(DEMO / "converters"),
            source_path=str(folder / drop.name),
        )
    )


def _expected(drop: Drop) -> ConversionStatus:
    by_name = {
        "empty.json": ConversionStatus.SKIPPED,
        "broken.json": ConversionStatus.SKIPPED,
        "not-a-zip.xjlog": ConversionStatus.SKIPPED,
        "cut-off.xml": ConversionStatus.SKIPPED,
        "no-unit.json": ConversionStatus.FAILED,
        "limits-incomplete.csv": ConversionStatus.FAILED,
        "waits.csv": ConversionStatus.SUSPENDED,
        "limits-never-come.csv": ConversionStatus.SUSPENDED,
    }
    return by_name.get(drop.name, ConversionStatus.SUCCESS)


def test_same_for_the_same_seed() -> None:
    """One seed makes the same drops, another one others."""
    assert drop_list(7, 200) == drop_list(7, 200) != drop_list(8, 200)


def test_mix() -> None:
    """Among 200 drops are all formats and every kind of trouble."""
    drops = drop_list(1, 200)
    assert len(drops) == 200
    assert {drop.converter for drop in drops} == set(CONVERTERS)
    names = Counter((drop.converter, drop.name) for drop in drops)
    assert max(names.values()) == 2
    assert (
        any(drop.slowly for drop in drops) and any(drop.late for drop in drops) and any(drop.members for drop in drops)
    )
    assert any(not drop.content and not drop.members for drop in drops)
    assert any(len(drop.name.encode()) == 255 for drop in drops)
    assert sum(not drop.name.isascii() for drop in drops) >= 3
    assert any("COMPLETE.marker" in drop.members for drop in drops)
    assert sum(drop.converter == "klippel" and bool(drop.companions) for drop in drops) >= 5


@pytest.mark.long
def test_converters_agree(tmp_path: Path) -> None:
    """Each of 200 drops gives what is expected of it from the real converter that it is dropped for."""
    results = [(drop, _converted(drop, tmp_path / str(n))) for n, drop in enumerate(drop_list(1, 200))]
    wrong = [(drop.converter, drop.name, r.status, r.error) for drop, r in results if r.status is not _expected(drop)]
    assert not wrong
    assert {drop.converter for drop, result in results if result.documents} == set(CONVERTERS)


@pytest.mark.long
def test_reports_are_complete(tmp_path: Path) -> None:
    """A strict server takes the report of every format but WATS XML, and it has serial number, verdict and steps."""
    for number, drop in enumerate(drop_list(2, 120)):
        result = _converted(drop, tmp_path / str(number))
        for body in result.documents:
            report = json.loads(body)
            assert bool(missing_fields(report)) is (drop.converter not in REGULAR), drop
            if drop.converter in REGULAR and report["type"] == "T":
                assert report["sn"].startswith("SN") and report["result"] in "PF" and report["root"]["steps"]


@pytest.mark.long
def test_failures_show(tmp_path: Path) -> None:
    """Some units fail their test, and their reports say so."""
    drops = [
        drop for drop in drop_list(1, 200) if drop.converter in ("json", "spea", "seica", "xjtag", "klippel", "csv")
    ]
    results = (_converted(drop, tmp_path / str(number)) for number, drop in enumerate(drops))
    verdicts = Counter(json.loads(body)["result"] for result in results for body in result.documents)
    assert verdicts["F"] >= 5 < verdicts["P"]


def test_limits_that_arrive_late(tmp_path: Path) -> None:
    """A CSV without its limits is suspended, and converted once they are there."""
    (drop,) = (each for each in drop_list(1, 20 + 10) if each.late)
    assert _converted(drop, tmp_path).status is ConversionStatus.SUSPENDED
    assert _converted(drop, tmp_path, with_late=True).status is ConversionStatus.SUCCESS


@pytest.mark.parametrize("size_bytes", [10_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
@pytest.mark.parametrize(("key", "suffix"), [("json", ".json"), ("spea", ".csv")])
@pytest.mark.parametrize("passed", [True, False])
def test_sized(tmp_path: Path, key: str, suffix: str, size_bytes: int, passed: bool) -> None:
    """A file of a wanted size has it within 5 %, is the same for the same seed, and converts to its verdict."""
    write = {"json": sized.wsjf, "spea": sized.spea}[key]
    content = write(random.Random(5), serial="SN1", size_bytes=size_bytes, passed=passed)
    assert content == write(random.Random(5), serial="SN1", size_bytes=size_bytes, passed=passed)
    assert abs(len(content) - size_bytes) <= size_bytes * 0.05
    result = _converted(Drop(converter=key, name=f"sized{suffix}", content=content), tmp_path)
    (report,) = map(json.loads, result.documents)
    assert (report["sn"], report["result"]) == ("SN1", "P" if passed else "F")


def test_made_quickly() -> None:
    """200 files are made in well under two seconds of processor time."""
    begun = time.process_time()
    drop_list(3, 200)
    assert time.process_time() - begun < 2


def test_generators_know_no_pywats() -> None:
    """The generators import nothing of pyWATS."""
    for file in [*(DEMO / "logfiles").glob("*.py"), DEMO / "drops.py"]:
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        names = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
        assert not any(name.startswith(("pywats.", "pywats_client")) or name == "pywats" for name in names), file
