"""Scripts that replay: worker processes import them again, so one that would begin again in each of them is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import Station

pytestmark = pytest.mark.long
SCRIPT = """
from pywats_archive import AsyncClient, Client, ReplayRequest
import asyncio

def main():
    print("main runs")
    with Client.from_config("config.json") as client:
        ids = [entry.archive_id for entry in client.entries()]
        print(client.replay(ids, ReplayRequest(dry_run=True), processes=1).by_comparison)

async def awaited():
    print("main runs")
    async with AsyncClient.from_config("config.json") as client:
        ids = [entry.archive_id async for entry in client.entries()]
        print((await client.replay(ids, ReplayRequest(dry_run=True), processes=1)).by_comparison)

"""
UNGUARDED = {
    "at the end": (["script.py"], "main()"),
    "as a module": (["-m", "script"], "main()"),
    "awaited, in a worker thread": (["script.py"], "asyncio.run(awaited())"),
    "in a block": (["script.py"], "try:\n    main()\nfinally:\n    print('end')"),
}
GUARDED = {
    "as usual": 'if __name__ == "__main__":\n    main()',
    "awaited": 'if "__main__" == __name__:\n    asyncio.run(awaited())',
    "in a block": 'try:\n    if __name__ == "__main__":\n        main()\nfinally:\n    pass',
}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        (made.add("ICT") / "a.csv").write_text("1;2", encoding="utf-8")
        made.run()
        yield made


def run(folder: Path, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, input=typed, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("way", UNGUARDED)
def test_a_script_that_would_begin_again_in_each_process_is_refused(station: Station, way: str) -> None:
    """One error says which line and what to write, before a process is started or a run is recorded."""
    script, (arguments, end) = station.root / "script.py", UNGUARDED[way]
    script.write_text(SCRIPT + end, encoding="utf-8")
    ended = run(station.root, *arguments)
    last = ended.stderr.splitlines()[-1]
    assert f"UsageError: {script}, line " in last
    assert last.endswith('call the function below: if __name__ == "__main__":')
    assert ended.stdout.count("main runs") == 1
    with station.archive() as archive, archive.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0


@pytest.mark.parametrize("way", GUARDED)
def test_a_script_with_the_guard_replays(station: Station, way: str) -> None:
    """The guard may have any usual form, and the script runs once."""
    (station.root / "script.py").write_text(SCRIPT + GUARDED[way], encoding="utf-8")
    assert run(station.root, "script.py").stdout.splitlines() == ["main runs", "{'same': 1}"]


def test_a_script_that_is_no_file_is_refused(station: Station) -> None:
    """No process can import what is piped in, and the error says so."""
    ended = run(station.root, "-", typed=SCRIPT + GUARDED["as usual"])
    assert ended.stderr.splitlines()[-1].endswith("import this script again; save it as a file first")
