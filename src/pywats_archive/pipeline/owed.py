"""Sources that were converted while the archive could not take them: kept in Done, archived as soon as it can (invariant 11).

They lie in ``Done/not-archived`` with what is known of their conversion beside them, so that a restart finds them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pywats_archive.archive import ledger, record
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import signature
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline import postprocess
from pywats_archive.pipeline.decide import Ending

FOLDER = "not-archived"
_NOTE = ".conversion.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """What is known of a conversion whose source is not archived yet."""

    arrival_id: int | None
    original_path: str
    state: str
    status: str
    error: str | None
    reports: list[str]
    converted_at: str


def keep(config: ConverterConfig, arrival: Arrival, result: ConversionResult, ending: Ending, *, now: datetime) -> None:
    """Put a converted source aside, whatever its post action says, with a note of its conversion."""
    note = _Note(
        arrival_id=arrival.arrival_id,
        original_path=arrival.path,
        state=ending.state.value,
        status=result.status.value,
        error=result.error,
        reports=[body.decode() for body in result.documents],
        converted_at=now.isoformat(),
    )
    kept = postprocess.move_into(Path(config.done_folder) / FOLDER, Path(arrival.path))
    _write(kept.with_name(kept.name + _NOTE), orjson.dumps(note))


def _write(path: Path, text: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def settle(archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig) -> int:
    """Archive what is owed and move it on to Done or Error; gives how many. Raises as archiving does."""
    settled = 0
    for source in _kept(Path(config.done_folder) / FOLDER):
        _settle(archive, interceptor, config, source)
        settled += 1
    return settled


def _kept(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.endswith(_NOTE))


def _settle(archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, source: Path) -> None:
    note_path = source.with_name(source.name + _NOTE)
    note = orjson.loads(note_path.read_bytes()) if note_path.exists() else {}
    arrival = _arrival_of(archive, config, source, note)
    entry = interceptor.pre_convert(source, arrival_id=arrival.arrival_id)
    result = ConversionResult(
        status=ConversionStatus(note.get("status", "PENDING")),
        error=note.get("error"),
        warnings=(f"archived after its conversion; it was dropped as {note.get('original_path', 'unknown')}",),
        documents=tuple(text.encode() for text in note.get("reports", ())),
    )
    interceptor.post_convert(entry, result, started_at=archive.now(), arrival_id=arrival.arrival_id, submit=False)
    state = ArrivalState(note.get("state", ArrivalState.DONE.value))
    folder = config.done_folder if state is ArrivalState.DONE else config.error_folder
    moved = postprocess.move_into(Path(folder), source)
    assert arrival.arrival_id is not None
    record.set_arrival(archive, arrival.arrival_id, state, moved_to=str(moved), reason="archived late")
    note_path.unlink(missing_ok=True)


def _arrival_of(archive: Archive, config: ConverterConfig, source: Path, note: dict[str, Any]) -> Arrival:
    """The arrival that the ledger still has as seen, or a new one when it could not even be entered."""
    known = ledger.find(archive, note.get("arrival_id"))
    if known and known.state is ArrivalState.SEEN and known.path == note.get("original_path"):
        return known
    now = signature(source)
    sighting = Sighting(path=str(source), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return ledger.enter(archive, config.name, [sighting])[0]
