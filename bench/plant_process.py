"""Fills an index, or asks one question several times, in a process of its own; prints the seconds, and the memory at most.

``python -m bench.plant_process ACT INDEX ARGUMENT``; ARGUMENT is a JSON object.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from pywats_archive.client.plant.index import Plant
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.plant.duck import rows
from pywats_archive.plant.indexing import Indexing
from pywats_archive.plant.searching import opened
from pywats_archive.replication.segment.description import ROWS
from pywats_archive.vault.folder import FolderVault

_ROUNDS = 7
_BEGINS = (b'{"table":"archive_entries"', b'{"table":"reports"')
_BY_DAY = (
    "SELECT date_trunc('day', make_timestamp(converted)) AS day, status, count(*), sum(size) FROM entries "
    "WHERE converted >= ? AND converted < ? GROUP BY ALL ORDER BY ALL"
)
_MICROSECOND = timedelta(microseconds=1)


def measured(act: str, index: Path, **argument: Any) -> dict[str, float]:
    """Let another process do it; returns its seconds of the clock and of the processor, MB, and the number of results."""
    words = [sys.executable, "-m", "bench.plant_process", act, str(index), json.dumps(argument)]
    return dict(json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout))


def main() -> None:
    """Do it, and print what it took."""
    act, folder, argument = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    work = partial(_ACTS[act], folder, argument)
    begun_mb = _mb("VmRSS")
    took = [_timed(work) for _ in range(1 if act in _ONCE else _ROUNDS)]
    found = took[0][0]
    s, processor_s = (min(each[number] for each in took) for number in (1, 2))
    times = {"s": s, "processor_s": processor_s, "first_s": took[0][1]}
    print(json.dumps({**times, "rounds": len(took), "begun_mb": begun_mb, "most_mb": _mb("VmHWM"), "found": found}))


def _index(folder: Path, argument: Mapping[str, Any]) -> int:
    """Add what is new in a vault, at a moment; the first time of a day merges what the day before added."""
    vault, now = FolderVault(Path(argument["vault"])), datetime.fromisoformat(argument["now"])
    done = Indexing(folder, vault, clock=lambda: now).run()
    assert not done.manifest.findings
    return done.rows


def _found(folder: Path, argument: Mapping[str, Any]) -> int:
    """Search entries as ``plant search`` does."""
    days = {name: datetime.fromisoformat(argument[name]) for name in ("from_date", "to_date") if name in argument}
    wanted = replace(PlantFilter(), **{**argument, **days})
    return len(Plant(folder).find(wanted, limit=50).items)


def _shown(folder: Path, argument: Mapping[str, Any]) -> int:
    """Show the entry of an id, which is that of a serial number."""
    return len(Plant(folder).details(_id_of(folder, argument["serial"])).reports)


@cache
def _id_of(folder: Path, serial: str) -> str:
    return Plant(folder).details(serial).entry.archive_id


def _failed(folder: Path, argument: Mapping[str, Any]) -> int:
    begin = datetime.fromisoformat(argument["day"])
    wanted = PlantFilter(from_date=begin, to_date=begin + timedelta(days=1), status=ConversionStatus.FAILED)
    return sum(each.failed for each in Plant(folder).statistics(wanted).rates)


def _by_day(folder: Path, argument: Mapping[str, Any]) -> int:
    """Count the entries and their bytes by day and status; no verb asks this, pages of a plant would."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    to = datetime.fromisoformat(argument["to"])
    values = [(each - epoch) // _MICROSECOND for each in (to - timedelta(days=argument["days"]), to)]
    with opened(folder) as index:
        return len(rows(index.db, _BY_DAY, values))


def _statistics(folder: Path, _argument: Mapping[str, Any]) -> int:
    return len(Plant(folder).statistics(PlantFilter()).rates)


def _stations(folder: Path, _argument: Mapping[str, Any]) -> int:
    return len(Plant(folder).stations().stations)


def _plain(folder: Path, _argument: Mapping[str, Any]) -> int:
    """Read the lines of entries and reports of all segments in a folder, as any program can."""
    found = 0
    for path in folder.rglob("segments/*.zip"):
        with zipfile.ZipFile(path) as segment:
            lines = gzip.decompress(segment.read(ROWS)).splitlines()
        found += sum(1 for line in lines if line.startswith(_BEGINS) and json.loads(line))
    return found


_ACTS: dict[str, Callable[[Path, Mapping[str, Any]], int]] = {
    "index": _index,
    "plain": _plain,
    "find": _found,
    "show": _shown,
    "failed": _failed,
    "by_day": _by_day,
    "statistics": _statistics,
    "stations": _stations,
}
_ONCE = ("index", "plain")


def _timed(work: Callable[[], int]) -> tuple[int, float, float]:
    began, processor = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - began, time.process_time() - processor


def _mb(name: str) -> float:
    """Return a size of this process, in MB; 0 where the system does not say. ru_maxrss would count the parent's, too."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(name)), 0.0)


if __name__ == "__main__":
    main()
