"""Sources that were converted while the archive could not take them: kept in Done, archived as soon as it can (invariant 11).

Each lies in a folder of its own beneath ``Done/not-archived``, with a note of its conversion that was there before its reports
were sent, so that a restart finds both, and sends them under the same ids.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pywats_archive import portable
from pywats_archive.archive import ledger, record, restoring
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources import signature
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor, NextState
from pywats_archive.errors import SourceVanished, StorageError
from pywats_archive.host.neighbours import NOT_ARCHIVED
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now
from pywats_archive.pipeline import postprocess
from pywats_archive.pipeline.decide import Ending

_NOTE, _SOURCE = "note.json", "source"
_ONE_AT_A_TIME = threading.Lock()
"""A folder that is being filled looks like one that a crash left empty."""


Open = set[Path]
"""The folders of promises that this run has in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """What is known of a conversion whose source is not archived yet."""

    arrival_id: int | None = None
    converter_name: str = ""
    """Whose it is, for converters may share a Done folder; empty: nobody knows, and it is anyone's."""
    original_path: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0
    state: ArrivalState = ArrivalState.DONE
    status: ConversionStatus = ConversionStatus.PENDING
    error: str | None = None
    reports: tuple[str, ...] = ()
    """The documents as they were sent."""
    warnings: tuple[str, ...] = ()
    converter_version: str = ""
    code_fingerprint: str = ""
    """Of the code that converted it; the archive may be back only when there is another version."""
    distribution: str | None = None
    converted_at: str = ""
    """When the converter was called; empty: nobody knows."""
    duration_ms: int = 0
    trouble: str = ""
    """Why the file makes no sense, which is a person's doing or a damaged disk's: what holds reports is never dropped."""


_NOTES = TypeAdapter(_Note)


def promise(config: ConverterConfig, arrival: Arrival, result: ConversionResult, *, now: datetime, open_: Open) -> Path:
    """Put a conversion on record, durable, before its reports are sent; gives the folder that its source is to go to.

    It counts as ``open_`` until it is kept or broken; one that a crash left so is gone on with. StorageError when that fails.
    """
    note = _Note(
        arrival_id=arrival.arrival_id if (arrival.arrival_id or 0) > 0 else None,  # no ledger has a negative one
        converter_name=config.name,
        original_path=arrival.path,
        size_bytes=arrival.size_bytes,
        mtime_ns=arrival.mtime_ns,
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
            (folder / _SOURCE).mkdir()
            _write(note, folder)
            portable.sync_folder(folder.parent)
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
            note = _read(folder / _NOTE)
            is_its = (note.original_path, note.size_bytes) == (arrival.path, arrival.size_bytes)
            if is_its and note.mtime_ns == arrival.mtime_ns and folder not in open_ and not _sources(folder):
                _require_sense(folder, note)
                open_.add(folder)
                return folder, _result(note)
    return None


def keep(folder: Path, arrival: Arrival, ending: Ending, *, open_: Open) -> None:
    """Put a converted source aside, whatever its post action says, where that was promised; durable, safe to repeat."""
    with _ONE_AT_A_TIME:
        note = _read(folder / _NOTE)
        _require_sense(folder, note)
        try:
            _write(replace(note, state=ending.state), folder)
        except OSError as exc:
            raise StorageError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc
        postprocess.move_into(folder / _SOURCE, Path(arrival.path))
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
        yield from (path for path in kept if _is_of(config, _read(path / _NOTE)))


def is_any(config: ConverterConfig) -> bool:
    """Tell whether a converter owes something to the archive, as far as that can be read."""
    with suppress(StorageError):
        return any(waiting(config))
    return False


def numbers(config: ConverterConfig) -> set[int]:
    """Give the ledger's numbers of what is owed, as far as the notes tell them, and can be read."""
    notes: list[_Note] = []
    with suppress(StorageError):
        notes += (_read(kept / _NOTE) for kept in waiting(config))
    return {note.arrival_id for note in notes if note.arrival_id is not None}


def settle(
    archive: Archive,
    interceptor: ArchiveInterceptor,
    config: ConverterConfig,
    kept: Path,
    *,
    open_: AbstractSet[Path] = frozenset(),
) -> None:
    """Archive what is owed in one folder and move it on to Done or Error; safe to repeat.

    StorageError when that fails, or when its note makes no sense: nothing is archived of it then.
    """
    with _ONE_AT_A_TIME:
        note = _read(kept / _NOTE)
        if kept in open_ or not _is_of(config, note):  # it was being written when it was listed
            return
        _require_sense(kept, note)
        found = _sources(kept)
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
        return restoring.make_folder(parent, name)
    except OSError as exc:
        raise StorageError(f"{parent}: cannot be made ({exc.strerror or exc})") from exc


def _sources(kept: Path) -> list[Path]:
    return sorted((kept / _SOURCE).iterdir()) if (kept / _SOURCE).is_dir() else []


def _is_of(config: ConverterConfig, note: _Note) -> bool:
    return note.converter_name in ("", config.name)


def _write(note: _Note, folder: Path) -> None:
    partial = folder / f".{_NOTE}.part"
    with partial.open("w", encoding="ascii") as stream:
        json.dump(asdict(note), stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(folder / _NOTE)
    portable.sync_folder(folder)


def _remove_settled(folder: Path) -> None:
    """Remove a note and the folders around it; a source that lies there is never removed, it is an OSError."""
    if (folder / _SOURCE).is_dir():
        (folder / _SOURCE).rmdir()
    (folder / f".{_NOTE}.part").unlink(missing_ok=True)
    (folder / _NOTE).unlink(missing_ok=True)
    folder.rmdir()


def _go_on(archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, kept: Path, note: _Note) -> None:
    """Archive a source that was converted before a crash, and perhaps sent: its reports go out under the ids they have."""
    path = Path(note.original_path)
    known = ledger.find(archive, note.arrival_id) or ledger.latest_at(archive, config.name, [str(path)]).get(str(path))
    is_its = known and (known.size_bytes, known.mtime_ns) == (note.size_bytes, note.mtime_ns)
    if known and is_its and known.archive_id and archive.last_conversion(known.archive_id):
        return  # an earlier try came as far as that
    if not _lies_there(note):
        raise StorageError(
            f"{kept}: {path} is gone or another one since it was converted; its reports are in {_NOTE}: see whether the "
            "server has them, then remove the folder"
        )
    arrival = _arrival_of(archive, config, path, note)
    entry = interceptor.pre_convert(path, arrival_id=arrival.arrival_id)
    result, state = _recorded(note, interceptor), NextState(state=ArrivalState.WAITING)
    interceptor.post_convert(entry, result, arrival_id=arrival.arrival_id, next_state=state)


def _lies_there(note: _Note) -> bool:
    try:
        now = signature(Path(note.original_path))
    except (OSError, SourceVanished):
        return False
    return (now.size_bytes, now.mtime_ns) == (note.size_bytes, note.mtime_ns)


def _settle_source(
    archive: Archive, interceptor: ArchiveInterceptor, config: ConverterConfig, source: Path, note: _Note
) -> None:
    arrival = _arrival_of(archive, config, source, note)
    entry = interceptor.pre_convert(source, arrival_id=arrival.arrival_id)
    if archive.last_conversion(entry.archive_id) is None:
        dropped = f"archived after its conversion; it was dropped as {note.original_path or 'unknown'}"
        result = _recorded(note, interceptor)
        result = replace(result, warnings=(*result.warnings, dropped))
        interceptor.post_convert(entry, result, arrival_id=arrival.arrival_id, submit=False)
    folder = config.done_folder if note.state in (ArrivalState.DONE, ArrivalState.SKIPPED) else config.error_folder
    moved = postprocess.move_into(Path(folder), source)
    assert arrival.arrival_id is not None
    record.set_arrival(archive, arrival.arrival_id, note.state, moved_to=str(moved), reason="archived late")


def _require_sense(kept: Path, note: _Note) -> None:
    """Raise StorageError for a note that makes no sense, before anything is done with its source."""
    if note.trouble:
        told = f"{kept / _NOTE}: makes no sense ({note.trouble}); correct it, or remove it: its source is archived alone then"
        raise StorageError(told)


def _result(note: _Note) -> ConversionResult:
    return ConversionResult(
        status=note.status,
        error=note.error,
        documents=tuple(text.encode() for text in note.reports),
        warnings=note.warnings,
        started_at=_moment(note.converted_at),
        duration_ms=note.duration_ms,
    )


def _recorded(note: _Note, interceptor: ArchiveInterceptor) -> ConversionResult:
    """The result as it goes on record, of the version that gave it.

    The note lies where others may write: where code is read from, and which arguments are secret, today's converter tells.
    """
    result = _result(note)
    today = interceptor.info
    if today is None or note.code_fingerprint in ("", today.fingerprint):
        return result
    of_then = replace(
        today,
        version=note.converter_version,
        fingerprint=note.code_fingerprint,
        distribution=note.distribution,
        code_files=(),
    )
    return replace(result, converter=of_then)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return utc_now()


def _read(path: Path) -> _Note:
    """Read a note; one that is missing or empty leaves only the source, which is archived all the same."""
    try:
        text = path.read_bytes()
        told = json.loads(text or b"{}")
    except FileNotFoundError:
        return _Note()
    except (OSError, ValueError, RecursionError) as exc:
        return _Note(trouble=str(exc))
    try:
        return _NOTES.validate_python(told)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_input=False)
        wrong = {fault["loc"][0] for fault in faults if fault["loc"]}
        sound = {key: value for key, value in told.items() if key not in wrong} if isinstance(told, dict) else {}
        where = ".".join(map(str, faults[0]["loc"])) or "the whole"
        return replace(_NOTES.validate_python(sound), trouble=f"{where}: {faults[0]['msg']}")


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
