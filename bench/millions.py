"""(k) The commands over an archive of millions of entries: processor time and memory of each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench import grown
from bench.figures import Board, Figure, folder
from pywats_archive.catalog.engine import Catalog
from pywats_archive.portable.files import WINDOWS

_MB, _SECONDS = 128, 2.0
"""The most that a command may need, of resident memory and of processor time."""
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process in between: a child begins with the largest memory of the process that starts it."""
_COMMANDS = {
    "status": ("status",),
    "stats": ("stats",),
    "list": ("list",),
    "list of a status, by serial number": ("list", "--status", "failed", "--sort", "serial"),
    "search": ("search", "SN00000333"),
    "where a file is": ("status", "SN00000333_ICT.csv"),
    "events of a kind": ("events", "--kind", "policy"),
    "holds": ("hold", "list"),
    "purge preview": ("purge", "--preview"),
}


def millions(board: Board, count: int) -> None:
    """(k) Grow a station's archive to ``count`` entries, and run commands on it; not on Windows, which has no ``resource``."""
    if WINDOWS:
        return
    with folder() as base:
        grown.station(base / "station")
        root, catalog = base / "station" / "archive", base / "grown.db"
        Catalog.open(catalog).close()
        grown.grow(root / "metadata.db", catalog, count)
        shutil.move(catalog, root / "metadata.db")
        size = (root / "metadata.db").stat().st_size
        board.add(Figure(figure="k", name="bytes per entry, without its history", ratio=size / count))
        for name, arguments in _COMMANDS.items():
            seconds, memory_mb = _run(arguments, base / "station" / "config.json")
            details = {"entries": count, "cpu_s": round(seconds, 2), "mb": round(memory_mb)}
            worst = max(seconds / _SECONDS, memory_mb / _MB)
            board.add(Figure(figure="k", name=f"{name}, of 2 s and 128 MB", ratio=worst, bound="<= 1", details=details))


def _run(arguments: tuple[str, ...], config: Path) -> tuple[float, float]:
    """Return the processor time in s and the largest resident memory in MB of a command."""
    position = 2 if arguments[0] == "hold" else 1
    whole = [*arguments[:position], "--config", str(config), *arguments[position:]]
    command = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "pywats_archive", *whole]
    code, seconds, memory_kb = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert code == "0", arguments
    return float(seconds), float(memory_kb) / 1024
