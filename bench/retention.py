"""(g) Retention: purging, previews and figures at size, archiving beside a purge, and a limit that is fed ten times over."""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson

from bench import catalog
from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.material import csv
from pywats_archive.archive import figures
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions, submissions
from pywats_archive.archive.sources import ingest
from pywats_archive.catalog.engine import Catalog
from pywats_archive.demo.server import WatsServer
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.pipeline.background.retention import REST
from pywats_archive.retention import enforcing

_ENTRIES, _PURGED, _THREADS, _ROUNDS = 10_000, 1_000, 8, 3
_LIMIT_MB, _FED_MB, _FILE_BYTES = 50, 500, 100_000


def retention(board: Board, count: int) -> None:
    """(g) Measure all of it; ``count`` is how many entries the large catalog has."""
    _purge(board)
    _beside(board)
    _questions(board, count)
    _limit(board)


def _purge(board: Board) -> None:
    """Purge 1,000 of 10,000 entries with their reports, against unlinking copies of the same files."""
    pairs = [_one_purge(purge_first=bool(n % 2)) for n in range(_ROUNDS)]
    details = {"entries": _PURGED, "files": 2 * _PURGED, "ms": [round(ours * 1e3) for ours, _ in pairs]}
    details["unlink_ms"] = [round(plain * 1e3) for _, plain in pairs]
    name = "purge of 1,000 of 10,000 entries over unlinking their files"
    board.add(Figure(figure="g", name=name, ratio=median_ratio(pairs), bound="<= 1.5", details=details))


def _one_purge(*, purge_first: bool) -> tuple[float, float]:
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        ids = fill(archive, base, _ENTRIES)
        paths = [path for archive_id in ids[:_PURGED] for path in _paths(archive, archive_id)]
        copies = [base / "copy" / path for path in paths]
        for path, copy in zip(paths, copies, strict=True):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(archive.root / path, copy)
        kept = sum(archive.entry(archive_id).disk_size_bytes for archive_id in ids[_PURGED:])
        policy = RetentionPolicy(converter_name="c", max_size_gb=kept / 1e9)
        os.sync()
        plain = 0.0 if purge_first else timed(lambda: _unlink(copies))
        ours = timed(lambda: enforcing.enforce(archive, policy, confirmed=True))
        plain = plain or timed(lambda: _unlink(copies))
        assert not any((archive.root / path).exists() for path in paths)
        assert archive.entry(ids[_PURGED]).purged_at is None
    return ours, plain


def _beside(board: Board) -> None:
    """Archive for some seconds without, then with a purge of 10,000 going on."""
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        ids = fill(archive, base, _ENTRIES)
        alone = _rate(archive, base / "alone", lambda: False, seconds=6)
        purge = threading.Thread(target=lambda: _purge_gently(archive, ids))
        purge.start()
        beside = _rate(archive, base / "beside", lambda: not purge.is_alive(), seconds=60)
        purge.join()
        again = _rate(archive, base / "again", lambda: False, seconds=6)
    ratio = beside / statistics.mean((alone, again))
    details = {"per_s": round(beside), "alone_per_s": [round(alone), round(again)]}
    board.add(
        Figure(figure="g", name="archiving beside a purge of 10,000", ratio=ratio, bound=">= 0.8", details=details)
    )


def _purge_gently(archive: Archive, ids: list[str]) -> None:
    """As the service does it while there is other work: with a rest after each batch."""
    newest = RetentionPolicy(converter_name="c", max_size_gb=1e-9)
    began = [time.monotonic()]

    def pause() -> None:
        time.sleep(REST * (time.monotonic() - began[0]))
        began[0] = time.monotonic()

    enforcing.enforce(archive, newest, confirmed=True, pause=pause)


def _rate(archive: Archive, watch: Path, is_over: Any, *, seconds: float) -> float:
    watch.mkdir()
    stop = time.monotonic() + seconds
    counts = [0] * _THREADS

    def work(thread: int) -> None:
        while time.monotonic() < stop and not is_over():
            path = watch / f"{thread}-{counts[thread]}.csv"
            path.write_bytes(csv(3000, counts[thread]))
            ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="live"))
            counts[thread] += 1

    began = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work, range(_THREADS)))
    return sum(counts) / (time.monotonic() - began)


def _questions(board: Board, count: int) -> None:
    """Ask for figures and previews over a large catalog."""
    with folder() as base:
        Archive.open(base, create=True, own=True).close()
        filled = Catalog.open(base / "metadata.db")
        catalog.fill(filled, count)
        filled.close()
        with Archive.open(base, own=True, clock=lambda: catalog.END) as archive:
            _limited(board, f"'stats' over {count:,} entries, of 20 ms", 20, lambda: figures.statistics(archive))
            policies = [RetentionPolicy(converter_name=f"converter-{n}", retention_days=80) for n in range(10)]
            _limited(
                board,
                f"'preview' over {count:,} entries, of 1 s",
                1000,
                lambda: [enforcing.preview_plan(archive, policy) for policy in policies],
            )
            tight = [RetentionPolicy(converter_name=f"converter-{n}", max_size_gb=0.3) for n in range(10)]
            _limited(
                board,
                "the same by size, half of them",
                1000,
                lambda: [enforcing.preview_plan(archive, policy) for policy in tight],
                bound=None,
            )


def _limited(board: Board, name: str, limit_ms: float, ask: Any, *, bound: str | None = "<= 1") -> None:
    ask()
    took_ms = statistics.median(timed(ask) for _ in range(7)) * 1e3
    board.add(Figure(figure="g", name=name, ratio=took_ms / limit_ms, bound=bound, details={"ms": round(took_ms, 1)}))


def _limit(board: Board) -> None:
    """Feed a service ten times its limit, and look at its blobs on the disk all the time."""
    with folder() as base, WatsServer(strict=True) as server:
        watch = base / "watch"
        watch.mkdir()
        (base / "converters").mkdir()
        (base / "converters" / "own.py").write_text(_CONVERTER)
        section = {"name": "c", "module_path": "own.Own", "watch_folder": "watch", "archive_enabled": True}
        section |= {"max_archive_size_gb": _LIMIT_MB / 1000, "settle_seconds": 0.2, "post_action": "archive"}
        fields = {"service_address": server.address, "api_token": "dGVzdDp0ZXN0", "converters": [section]}
        (base / "config.json").write_bytes(orjson.dumps(fields))
        command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(base / "config.json")]
        largest, number = 0, _FED_MB * 1_000_000 // _FILE_BYTES
        rng, began = random.Random(3), time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
            for n in range(number):
                (watch / f"SN{n:05}.log").write_bytes(rng.randbytes(_FILE_BYTES))
                while n % 50 == 0 and sum(1 for _ in watch.iterdir()) > 200 and time.monotonic() - began < 600:
                    largest = max(largest, _on_disk(base))
                    time.sleep(0.05)
            while any(watch.iterdir()) and time.monotonic() - began < 600:
                largest = max(largest, _on_disk(base))
                time.sleep(0.05)
            took = time.monotonic() - began
            time.sleep(2)
            service.send_signal(signal.SIGTERM)
        with Archive.open(base / "archive") as archive:
            known = figures.statistics(archive)
        details = {
            "files": number,
            "s": round(took),
            "largest_mb": round(largest / 1e6, 1),
            "kept": known.total_entries,
        }
        details |= {"purged": known.purged_entries, "end_mb": round(known.disk_size_bytes / 1e6, 1)}
        assert known.total_entries + known.purged_entries == number
        batch = 200 * (_FILE_BYTES + 8192)  # what one commit of a purge takes, with the reports
        name = "largest size with a limit of 50 MB, fed 500 MB, of limit and batch"
        ratio = largest / (_LIMIT_MB * 1e6 + batch)
        board.add(Figure(figure="g", name=name, ratio=ratio, bound="<= 1", details=details))


_CONVERTER = """
from pywats_client.converters.file_converter import FileConverter
from pywats_client.converters.models import ConverterResult
class Own(FileConverter):
    name = property(lambda self: "Own")
    file_patterns = property(lambda self: ["*"])
    def convert(self, source, context):
        return ConverterResult.success_result(report={
            "type": "T", "pn": "P1", "sn": source.path.stem, "rev": "A", "processCode": 10, "result": "P",
            "machineName": "M", "location": "L", "purpose": "T", "start": "2026-02-13T10:00:00+00:00",
            "root": {"name": "Main", "steps": [{"name": "s"}]}})
"""


def _on_disk(base: Path) -> int:
    total = 0
    for top in ("sources", "reports"):
        for parent, _, names in os.walk(base / "archive" / top):
            for name in names:
                try:
                    total += os.stat(f"{parent}/{name}").st_blocks * 512  # noqa: PTH116
                except FileNotFoundError:
                    continue
    return total


def fill(archive: Archive, base: Path, number: int) -> list[str]:
    """Archive files of 3 KB with a report each, from a folder below ``base``; returns the ids."""
    (base / "watch").mkdir()
    with ThreadPoolExecutor(_THREADS) as pool:
        return sorted(pool.map(lambda n: _archive_one(archive, base / "watch", n), range(number)))


def _archive_one(archive: Archive, watch: Path, number: int) -> str:
    path = watch / f"{number}.csv"
    path.write_bytes(csv(3000, number))
    entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))
    path.unlink()
    conversion = Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=datetime.now(timezone.utc),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="c",
        converter_class="m.C",
    )
    document = orjson.dumps({"sn": f"SN{number}", "pn": "P", "steps": [{"n": n} for n in range(200)]})
    new = conversions.NewConversion(conversion=conversion, documents=[document])
    for report in conversions.record_conversion(archive, new):
        submissions.record_try(archive, report, state=SubmissionState.ACCEPTED)
    return entry.archive_id


def _paths(archive: Archive, archive_id: str) -> list[str]:
    reports = [report.archived_path for report in archive.reports_of(archive_id)]
    return [archive.entry(archive_id).source_archived_path, *reports]


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        os.unlink(path)  # noqa: PTH108
