"""(l) An encrypted archive against one in clear: many small files, a large one, and reading both back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import starmap
from pathlib import Path

from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.material import csv
from bench.sources import drop
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.archive.sources import ingest

_THREADS, _ROUNDS, _LARGE_BYTES = 16, 5, 10_000_000


def encrypted(board: Board) -> None:
    """Archive 1,000 files of 10 KB with 16 threads, and one of 10 MB, encrypted for two keys; then read all back."""
    with folder() as base, ThreadPoolExecutor(_THREADS) as pool:
        create_keys(base)
        small = drop(base / "watch", 1)
        large = base / "large.csv"
        large.write_bytes(csv(_LARGE_BYTES))
        for name, paths, bound in (("1,000 files of 10 KB", small, "<= 2.5"), ("one file of 10 MB", [large], "<= 1.5")):
            rounds = [_round(base, pool, paths) for _ in range(_ROUNDS)]
            _add(board, f"time to archive {name}, encrypted over in clear", [each[0] for each in rounds], bound)
            _add(board, f"time to read back {name}, encrypted over in clear", [each[1] for each in rounds], None)


_Pair = tuple[float, float]


def _add(board: Board, name: str, pairs: list[_Pair], bound: str | None) -> None:
    in_clear, closed = pairs[-1]
    details = {"in_clear_s": round(in_clear, 3), "encrypted_s": round(closed, 3)}
    ratio = median_ratio([(closed, in_clear) for in_clear, closed in pairs])
    board.add(Figure(figure="l", name=name, ratio=ratio, bound=bound, details=details))


def _round(base: Path, pool: ThreadPoolExecutor, paths: list[Path]) -> tuple[_Pair, _Pair]:
    """Return the seconds to archive in clear and encrypted, and those to read back."""
    (write_clear, read_clear), (write, read) = (_timed(base, pool, paths, encrypt=each) for each in (False, True))
    return (write_clear, write), (read_clear, read)


def _timed(base: Path, pool: ThreadPoolExecutor, paths: list[Path], *, encrypt: bool) -> _Pair:
    with (
        folder() as place,
        Archive.open(place / "archive", create=True, own=True, keys=base, encrypt=encrypt) as archive,
    ):

        def take(path: Path) -> tuple[str, str]:
            entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))
            return entry.source_archived_path, entry.source_checksum

        made: list[tuple[str, str]] = []
        written = timed(lambda: made.extend(pool.map(take, paths)))
        return written, timed(lambda: list(starmap(archive.blobs.check, made)))
