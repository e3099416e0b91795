"""(d) One report of 50 KB, durable, against one durable write of the same compressed bytes."""

from __future__ import annotations

import json
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

_ROUNDS = 200


def one_report(board: Board) -> None:
    """(d) Archive and commit a conversion with its report, again and again."""
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        (base / "plain").mkdir()
        pairs = [_round(archive, base, number) for number in range(_ROUNDS)]
    middle = sorted(pairs)[len(pairs) // 2]
    details = {"report_ms": round(middle[0] * 1e3, 2), "plain_ms": round(middle[1] * 1e3, 2)}
    board.add(
        Figure(
            figure="d",
            name="50 KB report with its conversion over one durable write",
            ratio=median_ratio(pairs),
            bound="<= 2.0",
            details=details,
        )
    )


def _round(archive: Archive, base: Path, number: int) -> tuple[float, float]:
    (base / "a.csv").write_bytes(csv(2_000, number))
    entry = ingest.archive_source(archive, ingest.NewSource(path=base / "a.csv", converter_name="c"))
    outcome = _outcome(archive, entry.archive_id, report(50_000, number))
    made: list[str] = []
    ours = timed(lambda: made.extend(r.archived_path for r in conversions.record_conversion(archive, outcome)))
    blob = (base / "archive" / made[0]).read_bytes()
    return ours, timed(lambda: durable_write(base / "plain", str(number), blob))


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
