"""(d) Reports of 50 KB, durable, alone and eight at once, against one durable write of the same compressed bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.material import csv, report
from bench.plain import durable_write
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import summarize

_REPORTS = 200
_TOGETHER = {1: "<= 2.0", 8: "<= 1.0"}
"""How many conversions end at once, and the bound for each report."""


def one_report(board: Board) -> None:
    """(d) Archive and commit conversions with their reports, again and again."""
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        (base / "plain").mkdir()
        numbers = count()
        for together, bound in _TOGETHER.items():
            with ThreadPoolExecutor(together) as pool:
                rounds = [_round(archive, base, numbers, pool, together) for _ in range(_REPORTS // together)]
            ours, plain = sorted(rounds)[len(rounds) // 2]
            board.add(
                Figure(
                    figure="d",
                    name=f"50 KB report with its conversion over one durable write, {together} at once",
                    ratio=median_ratio(rounds),
                    bound=bound,
                    details={"report_ms": round(ours * 1e3, 2), "plain_ms": round(plain * 1e3, 2)},
                )
            )


def _round(
    archive: Archive, base: Path, numbers: Iterator[int], pool: ThreadPoolExecutor, together: int
) -> tuple[float, float]:
    """Return the seconds of each report, and of a plain write of as many bytes."""
    outcomes = [_ended(archive, base, next(numbers)) for _ in range(together)]
    made: list[str] = []

    def record(outcome: conversions.NewConversion) -> None:
        made.extend(report.archived_path for report in conversions.record_conversion(archive, outcome))

    ours = timed(lambda: tuple(pool.map(record, outcomes))) / together
    blob = (base / "archive" / made[0]).read_bytes()
    return ours, timed(lambda: durable_write(base / "plain", str(next(numbers)), blob))


def _ended(archive: Archive, base: Path, number: int) -> conversions.NewConversion:
    """Return a conversion that has just ended."""
    (base / "a.csv").write_bytes(csv(2_000, number))
    entry = ingest.archive_source(archive, ingest.NewSource(path=base / "a.csv", converter_name="c"))
    return _outcome(archive, entry.archive_id, report(50_000, number))


def _outcome(archive: Archive, archive_id: str, body: bytes) -> conversions.NewConversion:
    """As the pipeline has it: the worker process sends each report's summary along."""
    summary = summarize(json.loads(body))
    return conversions.NewConversion(
        conversion=_conversion(archive, archive_id), documents=[body], summaries=[summary], is_first=True
    )


def _conversion(archive: Archive, archive_id: str) -> Conversion:
    return Conversion(
        archive_id=archive_id,
        attempt=0,
        started_at=archive.now(),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="c",
        converter_class="m.C",
    )
