"""(f) An archive of 10,000 entries: rebuilt, verified, and damaged bit by bit; and 100,000 files that wait for a service."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Board, Figure, folder, timed
from bench.history import history
from bench.material import csv
from pywats_archive.archive.audit import inspection, inventory
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

_ENTRIES, _FLIPS, _WAITING, _THREADS = 10_000, 10_000, 100_000, 8
_LEAST_REBUILT_PER_S, _MOST_MB = 2000, 300
_OF_ENTRIES = (
    "archive_id, converter_name, converter_version, source_path, source_kind, source_mtime_ns, source_checksum, "
    "source_size_bytes, archived_path, compressed_size_bytes, compression_level, created_at"
)
_OF_REPORTS = (
    "archive_id, ordinal, report_id, archived_path, checksum, size_bytes, compressed_size_bytes, serial_number, "
    "part_number, process, result, start_time"
)


def trust(board: Board) -> None:
    """(f) Measure all of it."""
    with folder() as base:
        _fill(base)
        _verify(board, base / "archive")
        _flip(board, base / "archive")
        _rebuild(board, base / "archive")
    history(board)
    with folder() as base:
        _wait(board, base)


def _fill(base: Path) -> None:
    (base / "watch").mkdir()
    with Archive.open(base / "archive", create=True, own=True) as archive, ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda number: _archive_one(archive, base / "watch", number), range(_ENTRIES)))


def _archive_one(archive: Archive, watch: Path, number: int) -> None:
    path = watch / f"{number}.csv"
    path.write_bytes(csv(3000, number))
    entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c", converter_version="1"))
    path.unlink()
    conversion = Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=archive.now(),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="c",
        converter_class="m.C",
        code_fingerprint="sha256:00",
    )
    document = orjson.dumps(
        {"sn": f"SN{number}", "pn": "P", "steps": [{"name": str(n), "value": n} for n in range(60)]}
    )
    conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=[document]))


def _verify(board: Board, root: Path) -> None:
    command = [sys.executable, "-m", "pywats_archive", "verify", "--archive", str(root), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        began = time.perf_counter()
        peak_mb = 0
        while running.poll() is None:
            peak_mb = max(peak_mb, _peak_mb(running.pid))
            time.sleep(0.05)
        took = time.perf_counter() - began
        assert running.stdout
        told = orjson.loads(running.stdout.read())
    assert told["problems"] == [] and told["checked"] == 2 * _ENTRIES
    details = {"entries": _ENTRIES, "entries_per_s": round(_ENTRIES / took), "mb": peak_mb}
    _add(board, "memory of 'verify' on 10,000 entries, of 300 MB", peak_mb / _MOST_MB, "<= 1", details)


def _flip(board: Board, root: Path) -> None:
    rng, found = random.Random(1), 0
    with Archive.open(root) as archive:
        blobs = [
            blob
            for holding in inventory.holdings(archive, [])
            if rng.random() < 0.1
            for blob in inspection.recorded(holding)
        ]
        for _ in range(_FLIPS):
            blob = rng.choice(blobs)
            path = root / blob.path
            sound = path.read_bytes()
            bit = rng.randrange(8 * len(sound))
            path.chmod(0o600)
            path.write_bytes(sound[: bit // 8] + bytes([sound[bit // 8] ^ (1 << bit % 8)]) + sound[bit // 8 + 1 :])
            found += inspection.problem_of(archive, blob, whole=True) is not None
            path.write_bytes(sound)
    _add(board, "flipped bits that 'verify' finds, of all", found / _FLIPS, ">= 1", {"flips": _FLIPS, "found": found})


def _rebuild(board: Board, root: Path) -> None:
    before = _known(root)
    took = timed(lambda: rebuild(root, Rebuilding()))
    assert _known(root) == before, "the rebuilt catalog is not equal in what blobs know"
    details = {"entries": _ENTRIES, "reports": _ENTRIES, "entries_per_s": round(_ENTRIES / took), "equal": True}
    rate = _ENTRIES / took / _LEAST_REBUILT_PER_S
    _add(board, "rate of 'rebuild' on 10,000 entries over 2,000 a second", rate, ">= 1", details)


def _known(root: Path) -> list[Any]:
    db = sqlite3.connect(root / "metadata.db")
    try:
        entries = db.execute(f"SELECT {_OF_ENTRIES} FROM archive_entries ORDER BY archive_id").fetchall()
        return [entries, db.execute(f"SELECT {_OF_REPORTS} FROM reports ORDER BY archived_path").fetchall()]
    finally:
        db.close()


def _wait(board: Board, base: Path) -> None:
    """Start a service on 100,000 files; a server is not needed for them to wait."""
    watch = base / "watch"
    watch.mkdir()
    for number in range(_WAITING):
        (watch / f"unit_{number:06d}.json").write_bytes(b"{}")
    section = {
        "name": "waiting",
        "module_path": "pywats_client.converters.standard.wats_standard_json_converter.WATSStandardJsonConverter",
        "watch_folder": str(watch),
        "archive_enabled": True,
        "file_patterns": ["*.json"],
    }
    station = {"service_address": "http://127.0.0.1:9", "api_token": "dGVzdDp0ZXN0", "converters": [section]}
    (base / "config.json").write_bytes(orjson.dumps(station))
    command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(base / "config.json")]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        first_s = None
        while time.monotonic() - began < 90:
            time.sleep(0.5)
            if first_s is None and any((base / "Error").glob("*")):
                first_s = round(time.monotonic() - began, 1)
        peak_mb = _peak_mb(service.pid)
        left = sum(1 for _ in watch.iterdir())
        service.send_signal(signal.SIGTERM)
    details = {"files": _WAITING, "mb": peak_mb, "first_after_s": first_s, "done_in_90_s": _WAITING - left}
    _add(board, "memory of 'run' with 100,000 files waiting, of 300 MB", peak_mb / _MOST_MB, "<= 1", details)


def _peak_mb(pid: int) -> int:
    """The most memory that a process had so far; 0 once it is gone (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1000 for line in lines if line.startswith("VmHWM")), 0)


def _add(board: Board, name: str, ratio: float, bound: str, details: dict[str, Any]) -> None:
    board.add(Figure(figure="f", name=name, ratio=ratio, bound=bound, details=details))
