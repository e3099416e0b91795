"""(m) The vault: files beside the copying, catching up, bytes, memory, one file and a whole archive back, and purge plans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench import catalog, pipeline, retention
from bench.figures import Board, Figure, folder, median_ratio, timed
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Catalog
from pywats_archive.config.vault import VaultSettings
from pywats_archive.models.event import Event
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.replication.fetching import segment_at, segment_keys
from pywats_archive.replication.shipping import Shipping
from pywats_archive.retention import enforcing
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import Vault

_ENTRIES, _PLANNED, _CONVERTERS = 3_000, 100_000, 10
_LIVE_FILES, _PAIRS, _ROUNDS, _TRIES, _BLOBS = 1_000, 3, 5, 5, 20
_PAIR_BYTES, _ENTRY_BYTES = 400, 1_100
"""What a source with its report may cost beside its bytes, and the rows of an entry."""
_SHIPPED_S, _RESTORED_S = 300, 1_000
_MOST_MB, _MOST_MS, _MOST_REQUESTS = 40, 50, 3


def vault(board: Board) -> None:
    """(m) Measure all of it."""
    with folder() as base:
        with Archive.open(base / "archive", create=True, own=True) as archive:
            retention.fill(archive, base, _ENTRIES)
        _ship(board, base)
        _restore(board, base)
        _one_blob(board, base)
    _plan(board)
    _beside(board)


def _ship(board: Board, base: Path) -> None:
    """Copy an archive into a folder by a process of its own."""
    marker.create(open_vault(_share(base)))
    done = _measured("ship", base, "")
    _add_rate(board, "copied", done, _SHIPPED_S)
    mb = done["most_mb"] - done["begun_mb"]
    memory = {key: round(done[key]) for key in ("begun_mb", "most_mb")}
    name = f"memory of the copying, of {_MOST_MB} MB"
    board.add(Figure(figure="m", name=name, ratio=mb / _MOST_MB, bound="<= 1", details=memory))
    stored = sum(path.stat().st_size for path in (base / "vault").rglob("*") if path.is_file())
    own = sum(path.stat().st_size for top in ("sources", "reports") for path in (base / "archive" / top).rglob("*.gz"))
    allowed = own + (_PAIR_BYTES + _ENTRY_BYTES) * _ENTRIES
    details: dict[str, float] = {"stored_mb": round(stored / 1e6, 1), "files_mb": round(own / 1e6, 1)}
    details["more_bytes_an_entry"] = round((stored - own) / _ENTRIES)
    name = f"bytes in the vault, of the files, {_PAIR_BYTES} a pair and {_ENTRY_BYTES} an entry"
    board.add(Figure(figure="m", name=name, ratio=stored / allowed, bound="<= 1", details=details))


def _restore(board: Board, base: Path) -> None:
    """Restore the archive from the folder by a process of its own."""
    _add_rate(board, "restored", _measured("restore", base, str(base / "again")), _RESTORED_S)


def _add_rate(board: Board, what: str, done: dict[str, float], least: int) -> None:
    """Add the entries a second of processor time, since others use the machine too."""
    details: dict[str, float] = {"entries": _ENTRIES, "s": round(done["s"], 2)}
    details["processor_s"] = round(done["processor_s"], 2)
    details["per_s"] = round(_ENTRIES / done["s"])
    name = f"entries {what} a second of processor time, of {least}"
    ratio = _ENTRIES / done["processor_s"] / least
    board.add(Figure(figure="m", name=name, ratio=ratio, bound=">= 1", details=details))


def _one_blob(board: Board, base: Path) -> None:
    """Read one blob of many from a bucket on loopback, by its segment."""
    from tests import seaweed  # noqa: PLC0415 (needs a server of the extra 'dev')

    (base / "server").mkdir()
    with seaweed.running(base / "server") as server, Archive.open(base / "archive") as archive:
        counted = _Counted(open_vault(server.settings(base, "bench")))
        marker.create(counted)
        for _ in Shipping(archive, counted).ship_all():
            pass
        keys = list(segment_keys(counted, archive.description.archive_uuid, progress.chain_of(archive) or ""))
        paths = [path for path in segment_at(counted, keys[0]).files if path.startswith("sources/")]
        took, requests = [], []
        for path in paths[:: len(paths) // _BLOBS]:
            before = counted.requests
            took.append(timed(partial(_read_one, counted, keys[0], path)) * 1e3)
            requests.append(counted.requests - before)
    details = {"ms": round(median(took), 1), "most_ms": round(max(took), 1)}
    for name, ratio in (
        (f"requests for one file from a bucket, of {_MOST_REQUESTS}", max(requests) / _MOST_REQUESTS),
        (f"milliseconds for one file from a bucket, of {_MOST_MS}", median(took) / _MOST_MS),
    ):
        board.add(Figure(figure="m", name=name, ratio=ratio, bound="<= 1", details=details))


def _read_one(stored: Vault, key: str, path: str) -> bytes:
    return segment_at(stored, key).read(path)


class _Counted:
    """A vault that counts its requests."""

    def __init__(self, inner: Vault) -> None:
        self._inner = inner
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        self.requests += callable(found := getattr(self._inner, name))
        return found


def _plan(board: Board) -> None:
    """Plan purges of a large catalog with what the vault has confirmed, and without."""
    with folder() as base:
        Archive.open(base, create=True, own=True).close()
        filled = Catalog.open(base / "metadata.db")
        _fill(filled)
        filled.close()
        with Archive.open(base, own=True, clock=lambda: catalog.END) as archive:
            policies = [RetentionPolicy(converter_name=f"converter-{n}", retention_days=80) for n in range(_CONVERTERS)]
            pairs = [(_planned(archive, policies, "/vault"), _planned(archive, policies, None)) for _ in range(_ROUNDS)]
    details = {"with_ms": round(pairs[-1][0] * 1e3, 1), "without_ms": round(pairs[-1][1] * 1e3, 1)}
    name = f"processor time of a plan of purges over {_PLANNED:,} entries, that wait for the vault over without"
    board.add(Figure(figure="m", name=name, ratio=median_ratio(pairs), bound="<= 1.1", details=details))


def _fill(filled: Catalog) -> None:
    """Add entries, each with two events."""
    for start in range(0, _PLANNED, 500):

        def unit(tx: Any, start: int = start) -> None:
            for number in range(start, start + 500):
                entry = catalog.add_entry(tx, number, _PLANNED)
                for kind in ("source.archived", "report.accepted"):
                    events.append(tx, Event(kind=kind, at=entry.created_at, archive_id=entry.archive_id))

        filled.write(unit)


def _planned(archive: Archive, policies: list[RetentionPolicy], url: str | None) -> float:
    """Return the processor time of all plans in seconds; with a vault, that has confirmed everything."""
    progress.require(archive, url)
    if url:
        _confirm_all(archive, url)
    took = []
    for _ in range(_TRIES):
        began = time.process_time()
        plans = [enforcing.preview_plan(archive, policy) for policy in policies]
        took.append(time.process_time() - began)
        assert sum(plan.purged_entries for plan in plans) > _PLANNED / 20
    return min(took)


def _confirm_all(archive: Archive, url: str) -> None:
    lag, chain = progress.lag(archive, url), progress.chain_of(archive) or ""
    with archive.read() as db:
        newest = events.last(db)
    assert newest and newest.hash
    segment = progress.ShippedSegment(
        first=1,
        last=lag.newest,
        hash=newest.hash,
        entry_no=_PLANNED,
        report_no=_PLANNED,
        sha256="",
        size_bytes=1,
        at=archive.now(),
    )
    progress.note(archive, url, chain, progress.FoundSegment(segment=segment, previous_hash="", absent={}, large={}))
    progress.confirm(archive, url, {1: 1}, (), {})


def _beside(board: Board) -> None:
    """Convert files that all wait, beside a service that copies what it archives, over one that does not."""
    with pipeline.server() as address:
        rounds = [(_live(address, is_copied=True), _live(address, is_copied=False)) for _ in range(_PAIRS)]
    (copied, segments), (alone, _) = rounds[-1]
    details = {"beside_s": round(copied, 2), "alone_s": round(alone, 2), "segments_meanwhile": segments}
    ratio = median_ratio([(one[0], other[0]) for one, other in rounds])
    name = f"{_LIVE_FILES} files of 10 KB beside the copying, over without"
    board.add(Figure(figure="m", name=name, ratio=ratio, bound="<= 1.05", details=details))


def _live(address: str, *, is_copied: bool) -> tuple[float, int]:
    """Return the seconds until the last file is in Done, and how many segments the vault has then."""
    with folder() as base:
        settings, took = _share(base), list[tuple[float, int]]()
        marker.create(open_vault(settings))
        keys = {"vault_url": settings.vault_url, "vault_segment_mb": 1} if is_copied else {}
        watched = partial(_until_done, took=took, stored=base / "vault")
        pipeline.run("JSON", 10_000, address, archive=True, files=_LIVE_FILES, beside=watched, keys=keys)
    return took[0]


@contextmanager
def _until_done(archive: Path, *, took: list[tuple[float, int]], stored: Path) -> Iterator[None]:
    done, began = archive.parent / "Done", time.perf_counter()

    def watch() -> None:
        while not done.is_dir() or len(os.listdir(done)) < _LIVE_FILES:  # noqa: PTH208 (a thousand names, often)
            time.sleep(0.05)
        took.append((time.perf_counter() - began, len(list(stored.rglob("*.zip")))))

    watching = threading.Thread(target=watch)
    watching.start()
    yield
    watching.join()


def _share(base: Path) -> VaultSettings:
    return VaultSettings(vault_url=str(base / "vault"))


def _measured(act: str, base: Path, target: str) -> dict[str, float]:
    """Let a process of its own copy or restore; returns its seconds, and its memory before and at most."""
    words = [sys.executable, "-c", _CHILD, act, str(base / "archive"), str(base / "vault"), target]
    found = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(found))


_CHILD = """
import json, sys, time
from pathlib import Path
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.config.vault import VaultSettings
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.opening import open_vault

def mb(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(name)), 0.0)

act, root, url, target = sys.argv[1:]
vault = open_vault(VaultSettings(vault_url=url))
with Archive.open(Path(root)) as archive:
    progress.lag(archive, url)
    begun_mb, began, processor = mb("VmRSS"), time.perf_counter(), time.process_time()
    if act == "ship":
        for _ in Shipping(archive, vault).ship_all():
            pass
    else:
        assert not restore(vault, Path(target), actor="bench").problems
    took = {"s": time.perf_counter() - began, "processor_s": time.process_time() - processor}
print(json.dumps({**took, "begun_mb": begun_mb, "most_mb": mb("VmHWM")}))
"""
