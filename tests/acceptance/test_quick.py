"""What each verb imports, which takes most of its time. The times themselves are in ``make bench``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, Station

HEAVY = frozenset({
    "alembic",
    "asyncio",
    "croniter",
    "distributed",
    "duckdb",
    "filelock",
    "httpx",
    "importlib.metadata",
    "obstore",
    "orjson",
    "prometheus_client",
    "psutil",
    "pydantic",
    "pywats",
    "pywats_client",
    "rich",
    "rich.progress",
    "sqlalchemy",
    "structlog",
    "typer",
    "watchfiles",
})  # fmt: skip
"""Modules that take 5 ms or more to import."""
READER = frozenset({"asyncio", "importlib.metadata", "pydantic", "rich", "sqlalchemy", "typer"})
"""What a reader needs: typer imports pydantic for options, and SQLAlchemy imports asyncio and importlib.metadata."""
WRITERS = (
    "archive.purging",
    "archive.repair",
    "config.converter",
    "conversion",
    "demo",
    "doctor",
    "host.server",
    "integrity",
    "pipeline",
    "reprocessing",
    "retention",
)
"""Packages of this project that no reader needs."""
RUN = """
import json, sys
from pywats_archive.cli.main import main
*sys.argv[1:], told = sys.argv[1:]
try:
    main()
finally:
    with open(told, "w") as file:
        json.dump(sorted(sys.modules), file)
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station whose archive holds one entry."""
    with Station(tmp_path_factory.mktemp("quick") / "station") as station:
        station.code("")
        (station.add("ict") / "SN77.log").write_bytes(b"content")
        station.run()
        yield station


def loaded(words: list[str], told: Path) -> set[str]:
    """Run the command in a new process; return the modules that it has at its end."""
    command = [sys.executable, "-c", RUN, *words, str(told)]
    subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    return set(json.loads(told.read_text()))


@pytest.mark.spawned
@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ([], set()),
        (["--help"], set()),
        (["lst"], set()),
        (["--version"], {"importlib.metadata"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_no_archive_is_needed_for_help_version_or_a_mistyped_verb(
    words: list[str], needed: set[str], tmp_path: Path
) -> None:
    """They say what they say without the libraries of the archive."""
    modules = loaded(words, tmp_path / "told")
    assert "pywats_archive.cli.main" in modules
    assert HEAVY & modules == needed


@pytest.mark.spawned
@pytest.mark.parametrize("verb", ["list", "show", "status", "search", "cat", "list --json", "stats", "events"])
def test_a_reader_imports_neither_pywats_nor_what_writers_need(station: Station, verb: str, tmp_path: Path) -> None:
    """Nor is the log configured, or Alembic loaded for a catalog that is up to date."""
    (source,) = (station.archive_root / "sources").rglob("*.gz")
    more = {"show": [source.name[:24]], "cat": [source.name[:24]], "search": ["SN77"]}.get(verb, [])
    modules = loaded([*verb.split(), *more, "--config", str(station.root / "config.json")], tmp_path / "told")
    assert "sqlalchemy" in modules
    assert HEAVY & modules - READER <= ({"filelock"} if verb in {"status", "stats"} else set())  # is a service running?
    assert [each for each in modules if each.startswith(tuple(f"pywats_archive.{room}" for room in WRITERS))] == []
