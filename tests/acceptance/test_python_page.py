"""The Python examples of the documentation: type checkers accept them as they are, and they run."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive import Client
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.retention.station import StationRetention

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "reference" / "python.md", ROOT / "README.md"
PYWATS_CONFIG = "/var/lib/pywats/config.json"
UNNAMED = {"close", "reprocessing", "require_converter", "converter_named"}
"""What serves the command."""
STRICT = """
class Strict(Any):
    def convert(self, source, context):
        if b"bad" in source.path.read_bytes():
            raise ValueError("no header")
        return self.outcome(source, context)
"""
MENDED = STRICT.replace('b"bad"', 'b"worse"')


def blocks(page: Path) -> list[str]:
    """Return the indented blocks of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found = groupby(lines, lambda line: line.startswith("    ") or not line)
    texts = (textwrap.dedent("\n".join(block)).strip() for is_code, block in found if is_code)
    return [f"{text}\n" for text in texts if text]


def examples(page: Path) -> list[str]:
    """Return the Python programs of a page, by their first words."""
    return [block for block in blocks(page) if block.startswith(("from ", "import "))]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with a failed file, whose converter was mended since."""
    with Station(tmp_path) as made:
        made.code(STRICT)
        watch = made.add("ICT", "own.Strict")
        (watch / "SN900501.csv").write_text("good", encoding="utf-8")
        (watch / "SN900502.csv").write_text("bad", encoding="utf-8")
        made.run()
        made.code(MENDED)
        (tmp_path / "a.csv").write_text("1;2", encoding="utf-8")
        yield made


def written(folder: Path) -> Iterator[Path]:
    """Write each example as a script, in order; one for the place of pyWATS' configuration uses this station's."""
    for number, text in enumerate([*examples(PAGE), *examples(README)]):
        script = folder / f"example_{number}.py"
        script.write_text(text.replace(PYWATS_CONFIG, "config.json"), encoding="utf-8")
        yield script


def run(script: Path) -> list[str]:
    """Run a script in its folder; return the lines that it prints."""
    ended = subprocess.run([sys.executable, script], cwd=script.parent, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_each_example_runs(station: Station) -> None:
    """What the documentation shows, a reader can copy; the replay prints what becomes of each file."""
    find, replay, asynchronous, own, intercepted, readme = (run(script) for script in written(station.root))
    failed, good = (
        entry.archive_id for entry in sorted(station.entries(), key=lambda entry: entry.serial_number or "")
    )
    assert find == [f"{failed} {station.root / 'ICT' / 'watch' / 'SN900502.csv'} ValueError: no header", "b'bad'"]
    assert replay == [
        str(Path("failed", "SN900502.csv")),
        "{'newly_succeeding': 1}",
        f"{failed} SUCCESS ",
    ]
    assert asynchronous == ["2"] and own == intercepted == []
    assert readme == [f"{good} ICT SN900501"]
    with Client(station.root / "my-archive") as client:
        made = {entry.converter_name: entry.serial_number for entry in client.entries()}
        assert made == {"My converter": "SN1", "My other converter": "SN1"}


def test_type_checkers_accept_each_example(tmp_path: Path) -> None:
    """mypy finds nothing in them, in its strict mode, with the package as it is installed."""
    scripts = list(written(tmp_path))
    options = ("--strict", "--config-file", ROOT / "pyproject.toml")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *scripts], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, len(scripts)) == (0, 6), ended.stdout


@pytest.mark.parametrize("owner", [Client, StationRetention])
def test_the_page_names_each_method(owner: type) -> None:
    """A method that a program can call is on the page."""
    page = PAGE.read_text(encoding="utf-8")
    public = {name for name, each in inspect.getmembers(owner, callable) if not name.startswith("_")}
    assert {name for name in public - UNNAMED if f"{name}(" not in page and f"`{name}`" not in page} == set()


def test_the_configuration_of_the_readme_is_one(tmp_path: Path) -> None:
    """The configuration that a new user copies is read without an error."""
    (config,) = (block for block in blocks(README) if block.startswith("{"))
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    station = read_station_config(tmp_path / "config.json")
    assert json.loads(config)["converters"][0]["name"] == station.converters[0].name
    assert station.archive_roots() == (tmp_path / "archive",)
