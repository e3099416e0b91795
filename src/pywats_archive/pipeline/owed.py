"""Sources that were converted while the archive could not take them: kept in Done, archived as soon as it can (invariant 11).

Each lies in a folder of its own beneath ``Done/not-archived``, with a note of its conversion that was there first, so that
a restart finds both.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from pywats_archive import portable
from pywats_archive.archive import ledger, record, restoring
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import signature
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline import postprocess
from pywats_archive.pipeline.decide import Ending

FOLDER = "not-archived"
_NOTE, _SOURCE = "note.json", "source"
_ONE_AT_A_TIME = threading.Lock()
"""A folder that is being filled looks like one that a crash left empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """What is known of a conversion whose source is not archived yet."""

    arrival_id: int | None = None
    converter_name: str = ""
    """Whose it is, for converters may share a Done folder; empty: the note is torn, and anyone's."""
    original_path: str = ""
    state: str = ArrivalState.DONE.value
    status: str = ConversionStatus.PENDING.value
    error: str | None = None
    reports: tuple[str, ...] = ()
    """The documents as they were sent."""
    converted_at: str = ""


def keep(config: ConverterConfig, arrival: Arrival, result: ConversionResult, ending: Ending, *, now: datetime) -> None:
    """Put a converted source aside, whatever its post action says, after a note of its conversion; both durable.

    OSError or StorageError when that fails: the source lies where it lay, and nothing else is left.
    """
    note = _Note(
        arrival_id=arrival.arrival_id if (arrival.arrival_id or 0) > 0 else None,  # no ledger has a negative one
        converter_name=config.name,
        original_path=arrival.path,
        state=ending.state.value,
        status=result.status.value,
        error=result.error,
        reports=tuple(body.decode() for body in result.documents),
        converted_at=now.isoformat(),
    )
    with _ONE_AT_A_TIME:
        folder = restoring.make_folder(Path(config.done_folder, FOLDER), f"{now:%Y%m%d%H%M%S%f}")
        try:
            _write(note, folder)
            postprocess.move_into(folder / _SOURCE, Path(arrival.path))
        except BaseException:
            with suppress(OSError):
                _remove_settled(folder)
            raise


def waiting(config: ConverterConfig) -> Iterator[Path]:
    """Give the folders of what a converter owes to the archive, oldest first."""
    folder = Path(config.done_folder, FOLDER)
    if folder.is_dir():
        kept = sorted(path for path in folder.iterdir() if path.is_dir())
        yield from (path for path in kept if _is_of(config, _read(path / _NOTE)))


def numbers(config: ConverterConfig) -> set[int]:
    """Give the ledger's numbers of what is owed, as far as the notes tell them."""
    notes = (_read(kept / _NOTE) for kept in waiting(config))
    return {note.arrival_id for note in notes if note.arrival_id is not None}


def settle(archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, kept: Path) -> None:
    """Archive what is owed in one folder and move it on to Done or Error; safe to repeat. StorageError when that fails."""
    with _ONE_AT_A_TIME:
        note = _read(kept / _NOTE)
        if not _is_of(config, note):  # it was being written when it was listed
            return
        for source in sorted((kept / _SOURCE).iterdir()) if (kept / _SOURCE).is_dir() else ():
            _settle_source(archive, interceptor, config, source, note)
        try:
            _remove_settled(kept)
        except OSError as exc:
            told = f"{kept}: cannot be removed ({exc.strerror or exc}); what it held is archived"
            raise StorageError(told) from exc


def _is_of(config: ConverterConfig, note: _Note) -> bool:
    return note.converter_name in ("", config.name)


def _write(note: _Note, folder: Path) -> None:
    with (folder / _NOTE).open("w", encoding="ascii") as stream:
        json.dump(asdict(note), stream)
        stream.flush()
        os.fsync(stream.fileno())
    (folder / _SOURCE).mkdir()
    portable.sync_folder(folder)
    portable.sync_folder(folder.parent)


def _remove_settled(folder: Path) -> None:
    """Remove a note and the folders around it; a source that lies there is never removed, it is an OSError."""
    if (folder / _SOURCE).is_dir():
        (folder / _SOURCE).rmdir()
    (folder / _NOTE).unlink(missing_ok=True)
    folder.rmdir()


def _settle_source(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, source: Path, note: _Note
) -> None:
    arrival = _arrival_of(archive, config, source, note)
    entry = interceptor.pre_convert(source, arrival_id=arrival.arrival_id)
    if archive.last_conversion(entry.archive_id) is None:
        result = ConversionResult(
            status=ConversionStatus(note.status),
            error=note.error,
            warnings=(f"archived after its conversion; it was dropped as {note.original_path or 'unknown'}",),
            documents=tuple(text.encode() for text in note.reports),
        )
        interceptor.post_convert(entry, result, started_at=archive.now(), arrival_id=arrival.arrival_id, submit=False)
    state = ArrivalState(note.state)
    folder = config.done_folder if state in (ArrivalState.DONE, ArrivalState.SKIPPED) else config.error_folder
    moved = postprocess.move_into(Path(folder), source)
    assert arrival.arrival_id is not None
    record.set_arrival(archive, arrival.arrival_id, state, moved_to=str(moved), reason="archived late")


def _read(path: Path) -> _Note:
    """Read a note; a torn or missing one leaves only the source, which is archived all the same."""
    try:
        told = json.loads(path.read_text(encoding="ascii"))
        return _Note(**{field.name: told[field.name] for field in fields(_Note) if field.name in told})
    except (OSError, ValueError, TypeError):
        return _Note()


def _arrival_of(archive: Archive, config: ConverterConfig, source: Path, note: _Note) -> Arrival:
    """The arrival that the ledger still has open, or a new one when it could not even be entered."""
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(source)]).get(
        str(source)
    )
    if known and not known.state.is_final and known.path in (note.original_path, str(source)):
        return known
    now = signature(source)
    sighting = Sighting(path=str(source), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return ledger.enter(archive, config.name, [sighting])[0]
