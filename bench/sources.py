"""(a) many small sources from many threads or awaited, and (b) one large one at two levels, with sizes at every level."""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.material import KINDS, csv
from bench.plain import durable_write
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.blobs.codec import compress
from pywats_archive.storage import ArchiveStorage

FILES, _THREADS, _ROUNDS = 1000, 16, 5


def many_small(board: Board) -> None:
    """(a) Archive 1,000 files of 10 KB with 16 threads, against a plain loop over the same compressed bytes."""
    pairs = [_round(number) for number in range(_ROUNDS)]
    details = {"archive_per_s": round(FILES / pairs[-1][1]), "plain_per_s": round(FILES / pairs[-1][0])}
    board.add(
        Figure(
            figure="a",
            name="rate of archiving 10 KB files over a plain durable loop's",
            ratio=median_ratio(pairs),
            bound=">= 0.45",
            details=details,
        )
    )


def _round(seed: int) -> tuple[float, float]:
    with folder() as base, ThreadPoolExecutor(_THREADS) as pool:
        paths = drop(base / "watch", seed)
        with Archive.open(base / "archive", create=True, own=True) as archive:
            made: list[str] = []

            def take(path: Path) -> None:
                entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))
                made.append(entry.source_archived_path)

            ours = timed(lambda: list(pool.map(take, paths)))
            blobs = [(base / "archive" / path).read_bytes() for path in made]
        (base / "plain").mkdir()
        plain = timed(lambda: list(pool.map(lambda n: durable_write(base / "plain", str(n), blobs[n]), range(FILES))))
    return plain, ours


def awaited(board: Board) -> None:
    """(a) Await 1,000 calls of ``ArchiveStorage.archive_source`` at once, against 16 threads that archive the same files."""
    pairs = [_awaited_round(number) for number in range(_ROUNDS)]
    details = {"awaited_per_s": round(FILES / pairs[-1][1]), "threads_per_s": round(FILES / pairs[-1][0])}
    board.add(
        Figure(
            figure="a",
            name="rate of awaited archiving over that of threads",
            ratio=median_ratio(pairs),
            bound=">= 0.75",
            details=details,
        )
    )


def _awaited_round(seed: int) -> tuple[float, float]:
    with folder() as base, ThreadPoolExecutor(_THREADS) as pool:
        paths = drop(base / "watch", seed)
        with Archive.open(base / "beneath", create=True, own=True) as archive:

            def take(path: Path) -> None:
                ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))

            threads = timed(lambda: list(pool.map(take, paths)))

        async def take_all(storage: ArchiveStorage) -> None:
            await asyncio.gather(*(storage.archive_source(path, "c") for path in paths))

        with ArchiveStorage(base / "archive") as storage:
            return threads, timed(lambda: asyncio.run(take_all(storage)))


def drop(watch: Path, seed: int) -> list[Path]:
    """Drop 1,000 files of 10 KB; each seed has other ones."""
    watch.mkdir()
    paths = [watch / f"{number}.csv" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_bytes(csv(10_000, seed * FILES + number))
    return paths


def one_large(board: Board) -> None:
    """(b) Archive a CSV of 10 MB at levels 6 and 1, against zlib's level 6 alone on the same bytes."""
    data = csv(10_000_000)
    for level, bound in ((6, "<= 0.75"), (1, "<= 0.2")):
        pairs = [(_archive(data, level), timed(lambda: _zlib(data, 6))) for _ in range(_ROUNDS)]
        details = {"archive_ms": round(pairs[-1][0] * 1e3), "zlib_6_ms": round(pairs[-1][1] * 1e3)}
        board.add(
            Figure(
                figure="b",
                name=f"10 MB CSV at level {level} over zlib's level 6",
                ratio=median_ratio(pairs),
                bound=bound,
                details=details,
            )
        )
    for kind, content in KINDS.items():
        ratios = {level: len(compress(content, level)) / len(_zlib(content, level)) for level in range(1, 10)}
        rounded = {level: round(ratio, 3) for level, ratio in ratios.items()}
        board.add(
            Figure(
                figure="b",
                name=f"largest size over zlib's at the same level: {kind}",
                ratio=max(ratios.values()),
                bound="<= 1.03",
                details=rounded,
            )
        )


def _archive(data: bytes, level: int) -> float:
    with folder() as base, Archive.open(base / "archive", create=True, own=True) as archive:
        (base / "large.csv").write_bytes(data)
        source = ingest.NewSource(path=base / "large.csv", converter_name="c", compression_level=level)
        return timed(lambda: ingest.archive_source(archive, source))


def _zlib(data: bytes, level: int) -> bytes:
    stream = zlib.compressobj(level, wbits=-15)
    return stream.compress(data) + stream.flush()
