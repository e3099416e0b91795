"""Sources that were converted while the archive could not take them: kept in Done, archived as soon as it can (invariant 11).

Each lies in a folder of its own beneath ``Done/not-archived``, with a note of its conversion that was there before its reports
were sent, so that a restart finds both, and sends them under the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.restore import unpack
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources.reading import signature
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor, NextState
from pywats_archive.errors import NoteUntrusted, SourceVanished, StorageError
from pywats_archive.host.settings.neighbours import NOT_ARCHIVED
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import SourceKind
from pywats_archive.pipeline.deferred.note import (
    NOTE,
    SOURCE,
    Note,
    Seal,
    digest,
    doubt,
    partial_of,
    read,
    recorded,
    result_of,
    write,
)
from pywats_archive.pipeline.postprocess import actions
from pywats_archive.pipeline.postprocess.decisions import Ending
from pywats_archive.portable import files

_ONE_AT_A_TIME = threading.Lock()
"""A folder that is being filled looks like one that a crash left empty."""


class Open(set[Path]):
    """The folders of promises that this run has in memory, and what its notes are signed with."""

    def __init__(self, seal: Seal) -> None:
        super().__init__()
        self.seal = seal


def promise(config: ConverterConfig, arrival: Arrival, result: ConversionResult, *, now: datetime, open_: Open) -> Path:
    """Put a conversion on record, durable, before its reports are sent; gives the folder that its source is to go to.

    It counts as ``open_`` until it is kept or broken; one that a crash left so is gone on with. StorageError when that fails.
    """
    note = Note(
        arrival_id=arrival.arrival_id if (arrival.arrival_id or 0) > 0 else None,  # no ledger has a negative one
        converter_name=config.name,
        original_path=arrival.path,
        size_bytes=arrival.size_bytes,
        mtime_ns=arrival.mtime_ns,
        checksum=_digest(Path(arrival.path)),
        status=result.status,
        error=result.error,
        reports=tuple(body.decode() for body in result.documents),
        warnings=result.warnings,
        converter_version=result.converter.version if result.converter else "",
        code_fingerprint=result.converter.fingerprint if result.converter else "",
        distribution=result.converter.distribution if result.converter else None,
        converted_at=result.started_at.isoformat(),
        duration_ms=result.duration_ms,
    )
    with _ONE_AT_A_TIME:
        folder = _made(Path(config.done_folder, NOT_ARCHIVED), f"{now:%Y%m%d%H%M%S%f}")
        try:
            (folder / SOURCE).mkdir()
            write(note, folder, open_.seal)
            files.sync_folder(folder.parent)
        except OSError as exc:
            with suppress(OSError):
                _remove_settled(folder)
            raise StorageError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc
        open_.add(folder)
    return folder


def promised(config: ConverterConfig, arrival: Arrival, *, open_: Open) -> tuple[Path, ConversionResult] | None:
    """Give what an earlier run promised for this very source, if it did; it is open from now on."""
    with _ONE_AT_A_TIME:
        for folder in waiting(config):
            note = read(folder)
            is_its = (note.original_path, note.size_bytes) == (arrival.path, arrival.size_bytes)
            if is_its and note.mtime_ns == arrival.mtime_ns and folder not in open_ and not _sources(folder):
                _require_trusted(folder, note, config, open_.seal)
                open_.add(folder)
                return folder, result_of(note)
    return None


def keep(folder: Path, config: ConverterConfig, arrival: Arrival, ending: Ending, *, open_: Open) -> None:
    """Put a converted source aside, whatever its post action says, where that was promised; durable, safe to repeat."""
    with _ONE_AT_A_TIME:
        note = read(folder)
        _require_trusted(folder, note, config, open_.seal)
        if note.proof is None:
            raise StorageError(f"{folder / NOTE}: is gone; the source stays where it is until it can be archived")
        try:
            write(replace(note, state=ending.state, checksum=_digest(Path(arrival.path))), folder, open_.seal)
        except OSError as exc:
            raise StorageError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc
        actions.move_into(folder / SOURCE, Path(arrival.path))
        open_.discard(folder)


def break_promise(folder: Path, *, open_: Open) -> None:
    """Take a promise back whose source is gone, or another one; OSError when its folder cannot be removed."""
    with _ONE_AT_A_TIME:
        _remove_settled(folder)
        open_.discard(folder)


def waiting(config: ConverterConfig) -> Iterator[Path]:
    """Give the folders of what a converter owes to the archive, oldest first; StorageError when that cannot be told."""
    folder = Path(config.done_folder, NOT_ARCHIVED)
    try:
        kept = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    except OSError as exc:
        raise StorageError(f"{folder}: cannot be read ({exc.strerror or exc}); check its rights and its disk") from exc
    if kept:
        yield from (path for path in kept if _is_of(config, read(path)))


def is_any(config: ConverterConfig) -> bool:
    """Tell whether a converter owes something to the archive, as far as that can be read."""
    with suppress(StorageError):
        return any(waiting(config))
    return False


def numbers(config: ConverterConfig) -> set[int]:
    """Give the ledger's numbers of what is owed, as far as the notes tell them, and can be read."""
    notes: list[Note] = []
    with suppress(StorageError):
        notes += (read(kept) for kept in waiting(config))
    return {note.arrival_id for note in notes if note.arrival_id is not None}


def settle(
    archive: Archive,
    interceptor: ArchiveInterceptor,
    config: ConverterConfig,
    kept: Path,
    *,
    open_: Open,
) -> None:
    """Archive what is owed in one folder and move it on to Done or Error; safe to repeat.

    StorageError when that fails, or when its note makes no sense, NoteUntrusted when that is not this station's, or what lies
    there is not what it is of: nothing is archived of it, and nothing is moved, then.
    """
    with _ONE_AT_A_TIME:
        note = read(kept)
        if kept in open_ or not _is_of(config, note):  # it was being written when it was listed
            return
        _require_trusted(kept, note, config, open_.seal)
        found = _sources(kept)
        _require_same(kept, note, found)
        for source in found:
            _settle_source(archive, interceptor, config, source, note)
        if note.original_path and not found:
            _go_on(archive, interceptor, config, kept, note)
        try:
            _remove_settled(kept)
        except OSError as exc:
            told = f"{kept}: cannot be removed ({exc.strerror or exc}); what it held is archived"
            raise StorageError(told) from exc


def _made(parent: Path, name: str) -> Path:
    try:
        return unpack.make_folder(parent, name)
    except OSError as exc:
        raise StorageError(f"{parent}: cannot be made ({exc.strerror or exc})") from exc


def _sources(kept: Path) -> list[Path]:
    return sorted((kept / SOURCE).iterdir()) if (kept / SOURCE).is_dir() else []


def _is_of(config: ConverterConfig, note: Note) -> bool:
    return note.converter_name in ("", config.name)


def _remove_settled(folder: Path) -> None:
    """Remove a note and the folders around it; a source that lies there is never removed, it is an OSError."""
    if (folder / SOURCE).is_dir():
        (folder / SOURCE).rmdir()
    partial_of(folder).unlink(missing_ok=True)
    (folder / NOTE).unlink(missing_ok=True)
    folder.rmdir()


def _go_on(archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, kept: Path, note: Note) -> None:
    """Archive a source that was converted before a crash, and perhaps sent: its reports go out under the ids they have."""
    path = Path(note.original_path)
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(path)]).get(str(path))
    is_its = known and (known.size_bytes, known.mtime_ns) == (note.size_bytes, note.mtime_ns)
    if known and is_its and known.archive_id and archive.last_conversion(known.archive_id):
        return  # an earlier try came as far as that
    if not _lies_there(note):
        raise StorageError(
            f"{kept}: {path} is gone or another one since it was converted; its reports are in {NOTE}: see whether the "
            "server has them, then remove the folder"
        )
    arrival = _arrival_of(archive, config, path, note)
    entry = interceptor.pre_convert(path, arrival_id=arrival.arrival_id)
    result, state = recorded(note, interceptor.info), NextState(state=ArrivalState.WAITING)
    interceptor.post_convert(entry, result, arrival_id=arrival.arrival_id, next_state=state)


def _lies_there(note: Note) -> bool:
    try:
        now = signature(Path(note.original_path))
    except (OSError, SourceVanished):
        return False
    return (now.size_bytes, now.mtime_ns) == (note.size_bytes, note.mtime_ns)


def _settle_source(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, source: Path, note: Note
) -> None:
    arrival = _arrival_of(archive, config, source, note)
    entry = interceptor.pre_convert(source, arrival_id=arrival.arrival_id)
    if note.checksum and entry.source_kind is SourceKind.FILE and entry.source_checksum != note.checksum:
        raise NoteUntrusted(f"{source}: was changed while it was archived; see who did, it stays where it is")
    if archive.last_conversion(entry.archive_id) is None:
        dropped = f"archived after its conversion; it was dropped as {note.original_path or 'unknown'}"
        result = recorded(note, interceptor.info)
        result = replace(result, warnings=(*result.warnings, dropped))
        interceptor.post_convert(
            entry, result, arrival_id=arrival.arrival_id, submit=False, withheld_because="sent before it was archived"
        )
    folder = config.done_folder if note.state in (ArrivalState.DONE, ArrivalState.SKIPPED) else config.error_folder
    moved = actions.move_into(Path(folder), source)
    assert arrival.arrival_id is not None
    conversions.set_arrival(archive, arrival.arrival_id, note.state, moved_to=str(moved), reason="archived late")


def _require_trusted(kept: Path, note: Note, config: ConverterConfig, seal: Seal) -> None:
    """Raise StorageError for a note that makes no sense or is not to be trusted, before anything is done with its source."""
    if note.link:
        raise NoteUntrusted(
            f"{kept}: {note.link} is a link, and none is followed there; see who made it, and remove it"
        )
    alone = "or remove the note: its source is archived alone then"
    if note.trouble:
        raise StorageError(f"{kept / NOTE}: makes no sense ({note.trouble}); correct it, {alone}")
    if why := doubt(note, config.watch_folder, seal):
        raise NoteUntrusted(f"{kept / NOTE}: is not trusted: {why}, {alone}")


def _require_same(kept: Path, note: Note, found: Sequence[Path]) -> None:
    """Raise NoteUntrusted when what lies in the folder is not the source that the note is of."""
    if link := next((source for source in found if files.is_link(source)), None):
        raise NoteUntrusted(f"{link}: is a link, and none is followed there; see who made it, and remove it")
    if note.checksum and found and [_digest(source) for source in found] != [note.checksum]:
        told = "is not the source that its note is of; see who changed it. Nothing of it is archived or moved"
        raise NoteUntrusted(f"{kept / SOURCE}: {told}")


def _digest(source: Path) -> str:
    try:
        return digest(source)
    except SourceVanished:
        return ""
    except OSError as exc:
        raise StorageError(f"{source}: cannot be read ({exc.strerror or exc}); check its rights") from exc


def _arrival_of(archive: Archive, config: ConverterConfig, source: Path, note: Note) -> Arrival:
    """The arrival that the ledger still has open, or a new one when it could not even be entered."""
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(source)]).get(
        str(source)
    )
    if known and not known.state.is_final and known.path in (note.original_path, str(source)):
        return known
    now = signature(source)
    sighting = Sighting(path=str(source), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return ledger.enter(archive, config.name, [sighting])[0]
