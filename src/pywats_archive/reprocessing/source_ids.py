"""The ids of reports that a converter takes from the source: each conversion gives them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pywats_archive.archive.results.document import fields_of
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.report import summarize

_CHUNK_BYTES = 1_000_000


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of a restored source and of its companions."""
    return tuple(path for path in folder.rglob("*") if path.is_file())


def ids_from(files: Sequence[Path], result: ConversionResult) -> frozenset[str]:
    """Return those ids of the reports that these files contain; any other id may differ each time."""
    if not files:
        return frozenset()
    summaries = result.summaries or [summarize(fields_of(body)) for body in result.documents]
    wanted = {each.own_id for each in summaries if each.own_id}
    return frozenset(found for path in files if wanted for found in _found(path, wanted))


def _found(path: Path, wanted: Collection[str]) -> Iterator[str]:
    """Yield the ids in a file, in any case; none if the converter removed the file."""
    sought = {each: each.lower().encode(errors="replace") for each in wanted}
    longest = max(map(len, sought.values()))
    rest = b""
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                text = rest + chunk.lower()
                yield from (each for each, pattern in sought.items() if pattern in text)
                rest = text[-longest:]
    except OSError:
        return
