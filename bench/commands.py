"""(i) The command's start: processor time of help and of readers, as a ratio to a Python that imports sqlite3 and json."""

from __future__ import annotations

import logging
import resource
import subprocess
import sys
from collections.abc import Sequence

import structlog

from bench.figures import Board, Figure, folder
from pywats_archive.client import Client
from pywats_archive.demo.station import run_demo

_ROUNDS, _FILES = 9, 200
_MOST = {"none": 6.0, "reader": 20.0}
"""Where the baseline takes 0.023 s: 0.14 s without an archive, and 0.45 s of a reader."""
_BASELINE = ("-c", "import sqlite3, json")
_COMMAND = ("-m", "pywats_archive")


def commands(board: Board) -> None:
    """(i) Measure each verb in turn with the baseline; the least of several rounds counts, since others use the machine too."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with folder() as base:
        run_demo(folder=base / "demo", own_files=None, count=_FILES, seed=1, on_progress=lambda done, total: None)
        config = base / "demo" / "config.json"
        with Client.from_config(config) as client:
            newest = client.find(limit=1).items[0].archive_id
        measured = _measured(
            {
                "--help": (["--help"], "none"),
                "--version": (["--version"], "none"),
                "a mistyped verb": (["lst"], "none"),
                "list, 20 entries": (["list", "--last", "20", "--config", str(config)], "reader"),
                "list, 100 entries": (["list", "--config", str(config)], "reader"),
                "show": (["show", newest, "--config", str(config)], "reader"),
                "status": (["status", "--config", str(config)], "reader"),
                "search": (["search", "limits", "--config", str(config)], "reader"),
            }
        )
    for figure in measured:
        board.add(figure)


def _measured(verbs: dict[str, tuple[list[str], str]]) -> list[Figure]:
    baseline, least = float("inf"), dict.fromkeys(verbs, float("inf"))
    for _ in range(_ROUNDS):
        baseline = min(baseline, _processor_s(_BASELINE))
        for name, (words, _) in verbs.items():
            least[name] = min(least[name], _processor_s([*_COMMAND, *words]))
    return [
        Figure(
            figure="i",
            name=f"{name}: processor time, to Python with sqlite3 and json",
            ratio=least[name] / baseline,
            bound=f"<= {_MOST[kind]:g}",
            details={"processor_s": round(least[name], 3), "baseline_s": round(baseline, 3)},
        )
        for name, (_, kind) in verbs.items()
    ]


def _processor_s(words: Sequence[str]) -> float:
    """Return the processor time, of the program and the system, that a Python with these words takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
