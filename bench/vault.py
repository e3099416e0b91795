"""(m) The vault: catching up, memory, bytes, a whole archive and one file back, and live files meanwhile."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench import retention, vault_beside, vault_plan
from bench.figures import Board, Figure, folder, timed
from bench.vault_process import measured
from pywats_archive.archive.core import Archive
from pywats_archive.config.vault import VaultSettings
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import MARKER, Vault

_ENTRIES, _READ = 3_000, 20
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
        _bucket(board, base)
        vault_beside.beside(board, base)
    vault_plan.plans(board)


def _ship(board: Board, base: Path) -> None:
    """Copy an archive into a folder."""
    settings = VaultSettings(vault_url=str(base / "vault"))
    marker.create(open_vault(settings))
    done = measured("ship", base / "archive", settings, base / "plain")
    _add_rate(board, "copied", done, _SHIPPED_S, "one ZIP of the same files")
    _add_memory(board, "a folder", done)
    stored = sum(path.stat().st_size for path in (base / "vault").rglob("*") if path.is_file())
    own = sum(path.stat().st_size for top in ("sources", "reports") for path in (base / "archive" / top).rglob("*.gz"))
    allowed = own + (_PAIR_BYTES + _ENTRY_BYTES) * _ENTRIES
    details: dict[str, float] = {"stored_mb": round(stored / 1e6, 1), "files_mb": round(own / 1e6, 1)}
    details["more_bytes_an_entry"] = round((stored - own) / _ENTRIES)
    name = f"bytes in the vault, of the files, {_PAIR_BYTES} a pair and {_ENTRY_BYTES} an entry"
    board.add(Figure(figure="m", name=name, ratio=stored / allowed, bound="<= 1", details=details))


def _restore(board: Board, base: Path) -> None:
    """Restore the archive from the folder."""
    settings = VaultSettings(vault_url=str(base / "vault"))
    done = measured("restore", base / "archive", settings, base / "again")
    _add_rate(board, "restored", done, _RESTORED_S, "unpacking the ZIPs of its segments")


def _add_rate(board: Board, what: str, done: dict[str, float], least: int, plainly: str) -> None:
    """Add the entries a second of processor time, since others use the machine too, and what a plain ZIP takes."""
    details: dict[str, float] = {"entries": _ENTRIES, "s": round(done["s"], 2), "per_s": round(_ENTRIES / done["s"])}
    details["processor_s"] = round(done["processor_s"], 2)
    name = f"entries {what} a second of processor time, of {least}"
    ratio = _ENTRIES / done["processor_s"] / least
    board.add(Figure(figure="m", name=name, ratio=ratio, bound=">= 1", details=details))
    plain = {"s": round(done["plain_s"], 2), "processor_s": round(done["plain_processor_s"], 2)}
    name = f"processor time of that over {plainly}"
    ratio = done["processor_s"] / done["plain_processor_s"]
    board.add(Figure(figure="m", name=name, ratio=ratio, details=plain))


def _add_memory(board: Board, where: str, done: dict[str, float]) -> None:
    mb = done["most_mb"] - done["begun_mb"]
    memory = {key: round(done[key]) for key in ("begun_mb", "most_mb")}
    name = f"memory of the copying into {where}, of {_MOST_MB} MB"
    board.add(Figure(figure="m", name=name, ratio=mb / _MOST_MB, bound="<= 1", details=memory))


def _bucket(board: Board, base: Path) -> None:
    """Copy the archive into a bucket on loopback, then read single files from there."""
    from tests import seaweed  # noqa: PLC0415 (needs a server of the extra 'dev')

    (base / "server").mkdir()
    with seaweed.running(base / "server") as server:
        settings = server.settings(base, "bench")
        marker.create(open_vault(settings))
        _add_memory(board, "a bucket", measured("ship", base / "archive", settings, base / "bucket"))
        with Archive.open(base / "archive") as archive:
            _read_files(board, archive, _Counted(open_vault(settings)))


def _read_files(board: Board, archive: Archive, counted: _Counted) -> None:
    """Read the source of some entries as if it were purged, each over a plain read of as many bytes."""
    found = archive.find(EntryFilter(converter_name="c"), limit=_ENTRIES).items
    took, plain, requests = list[float](), list[float](), list[int]()
    for entry in found[:: max(1, len(found) // _READ)]:
        before = counted.requests
        took.append(timed(partial(_read, archive, counted, entry)) * 1e3)
        requests.append(counted.requests - before)
        plain.append(timed(partial(counted.get, MARKER)) * 1e3)
    details = {"ms": round(median(took), 1), "most_ms": round(max(took), 1), "one_request_ms": round(median(plain), 1)}
    for name, ratio in (
        (f"requests for one file from a bucket, of {_MOST_REQUESTS}", max(requests) / _MOST_REQUESTS),
        (f"milliseconds for one file from a bucket, of {_MOST_MS}", median(took) / _MOST_MS),
    ):
        board.add(Figure(figure="m", name=name, ratio=ratio, bound="<= 1", details=details))
    name = "time for one file from a bucket over one request"
    board.add(Figure(figure="m", name=name, ratio=median(took) / median(plain), details={"files": len(took)}))


def _read(archive: Archive, stored: Vault, entry: ArchiveEntry) -> None:
    path = entry.source_archived_path
    with borrowed(archive, entry.archive_id, path, vault=stored) as fetched:
        assert fetched.blobs.stored_size(path) == entry.compressed_size_bytes


class _Counted:
    """A vault that counts its requests."""

    def __init__(self, inner: Vault) -> None:
        self._inner = inner
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        self.requests += callable(found := getattr(self._inner, name))
        return found
