"""The spool of each converter's ``Done/not-archived``: sources that were converted while the archive could not store them.

Each has its own folder, with a note of its conversion. The note is written before the reports are sent, so that after a
crash they are sent under the same ids.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pywats_archive.config import ConverterConfig
from pywats_archive.errors import NoteUntrusted, SourceVanished, StorageError
from pywats_archive.host.settings.neighbours import NOT_ARCHIVED, real
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.pipeline.deferred.note import (
    NOTE,
    SOURCE,
    Note,
    Seal,
    digest,
    doubt,
    partial_of,
    read,
    result_of,
    write,
)
from pywats_archive.pipeline.postprocess.decisions import Ending
from pywats_archive.pipeline.postprocess.departing import Replaced, departing, source_of
from pywats_archive.portable import files, names
from pywats_archive.portable.placing import make_folder

_SCAN_EVERY_S = 1.0
"""The highest age of the list of resumable notes: a backlog is read once a second, not once for each source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parked:
    """One folder of the spool, with its note as it was read."""

    folder: Path
    note: Note

    def sources(self) -> list[Path]:
        """Return the sources in the folder; more than one only if somebody put them there."""
        return sorted((self.folder / SOURCE).iterdir()) if (self.folder / SOURCE).is_dir() else []


@dataclass(kw_only=True)
class _Place:
    """One ``Done/not-archived``; converters may share it."""

    mutex: threading.RLock = field(default_factory=threading.RLock)
    """Held while a folder is filled, since until then it looks like one that a crash left empty."""
    in_use: set[str] = field(default_factory=set)
    """Names of the folders whose conversion is in memory in this run; converters may reach them by different paths."""
    resumable: list[Parked] = field(default_factory=list)
    scanned_s: float = float("-inf")


class Spool:
    """Writes and reads the notes; safe to use from many threads. Each Done folder has a lock of its own."""

    def __init__(self, seal: Seal) -> None:
        self.seal = seal
        self._places: dict[Path, _Place] = defaultdict(_Place)
        self._deferred: dict[str, set[int]] = defaultdict(set)
        self._mutex = threading.Lock()

    def begin(self, config: ConverterConfig, arrival: Arrival, result: ConversionResult, *, now: datetime) -> Path:
        """Record a conversion, durable, before its reports are sent; returns the folder for its source.

        The folder is in use until ``park`` or ``discard``; after a crash, ``resume`` finds it. StorageError when that fails.
        """
        note = Note(
            arrival_id=arrival.arrival_id if (arrival.arrival_id or 0) > 0 else None,  # negative ids are in no archive
            converter_name=config.name,
            original_path=arrival.path,
            size_bytes=arrival.size_bytes,
            mtime_ns=arrival.mtime_ns,
            checksum=checksum_of(Path(arrival.path)),
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
        place = self._place(config)
        with place.mutex:
            folder = _created(_folder_of(config), f"{now:%Y%m%d%H%M%S%f}")
            try:
                (folder / SOURCE).mkdir()
                write(note, folder, self.seal)
                files.sync_folder(folder.parent)
            except OSError as exc:
                with suppress(OSError):
                    _remove(folder)
                raise StorageError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc
            place.in_use.add(folder.name)
        return folder

    def resume(self, config: ConverterConfig, arrival: Arrival) -> tuple[Path, ConversionResult] | None:
        """Return the folder and result that an earlier run recorded for this source, if any; the folder is then in use."""
        place, stamp = self._place(config), arrival.stamp
        with place.mutex:
            if time.monotonic() - place.scanned_s >= _SCAN_EVERY_S:
                place.resumable = [each for each in self.parked(config, of_all=True) if not each.sources()]
                if _folder_of(config).is_dir():  # a share that is away is listed again as soon as it is back
                    place.scanned_s = time.monotonic()
            for parked in place.resumable:
                note = parked.note
                is_its = note.original_path == arrival.path and stamp.matches(note) and _is_of(config, note)
                if is_its and parked.folder.name not in place.in_use:
                    note = read(parked.folder)  # it may have been edited since
                    if (
                        note.proof is None or parked.sources()
                    ):  # its source was parked since: the current source is the next one
                        continue
                    self.require_trusted(parked.folder, note, config)
                    place.in_use.add(parked.folder.name)
                    return parked.folder, result_of(note)
        return None

    def park(self, folder: Path, config: ConverterConfig, arrival: Arrival, ending: Ending) -> bool:
        """Move a converted source into its folder, whatever its post action; durable, safe to repeat.

        False if it is gone, or another one is in its place.
        """
        place = self._place(config)
        with place.mutex:
            note = read(folder)
            self.require_trusted(folder, note, config)
            if note.proof is None:
                raise StorageError(
                    f"{folder / NOTE}: is missing; the source stays where it is until it can be archived"
                )
            try:
                with departing(source_of(config, arrival)) as departure:
                    write(replace(note, state=ending.state, checksum=checksum_of(departure.path)), folder, self.seal)
                    # Deferred before the source moves: a scan in between must not record it as vanished.
                    self._defer(config.name, {arrival.number})
                    departure.move_into(folder / SOURCE)
            except (Replaced, SourceVanished):
                return False
            except OSError as exc:
                raise StorageError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc
            place.in_use.discard(folder.name)
        return True

    def discard(self, folder: Path, config: ConverterConfig) -> None:
        """Remove a folder whose source is gone or was replaced; OSError when that fails."""
        place = self._place(config)
        with place.mutex:
            _remove(folder)
            place.in_use.discard(folder.name)

    def parked(self, config: ConverterConfig, *, of_all: bool = False) -> Iterator[Parked]:
        """Yield a converter's folders that are not in use, oldest first; ``of_all``: of all that share its Done folder.

        StorageError when they cannot be listed.
        """
        where, in_use = _folder_of(config), self._place(config).in_use
        try:
            folders = sorted(path for path in where.iterdir() if path.is_dir()) if where.is_dir() else []
        except OSError as exc:
            raise StorageError(
                f"{where}: cannot be read ({exc.strerror or exc}); check its rights and its disk"
            ) from exc
        for folder in folders:
            if folder.name not in in_use:
                parked = Parked(folder=folder, note=read(folder))
                if of_all or _is_of(config, parked.note):
                    yield parked

    def is_empty(self, config: ConverterConfig) -> bool:
        """Whether no source of a converter is parked or in use; also if its folders cannot be listed."""
        with suppress(StorageError):
            return next(self.parked(config), None) is None and not self._place(config).in_use
        return True

    def note_deferred(self, config: ConverterConfig) -> None:
        """Mark the arrivals that an earlier run parked as deferred, if the notes can be read."""
        with suppress(StorageError):
            numbers = {each.note.arrival_id for each in self.parked(config)}
            self._defer(config.name, {number for number in numbers if number is not None})

    def is_deferred(self, converter_name: str, arrival_id: int | None) -> bool:
        """Whether an arrival is parked, so that its source has not vanished."""
        return arrival_id in self._deferred.get(converter_name, ())

    def exclusively(self, config: ConverterConfig) -> threading.RLock:
        """Return the lock of a converter's Done folder: while it is held, nothing is parked or resumed there."""
        return self._place(config).mutex

    def is_current(self, parked: Parked, config: ConverterConfig) -> Note | None:
        """Return a folder's current note; None when the folder is in use, or belongs to another converter."""
        note = read(parked.folder)
        is_free = parked.folder.name not in self._place(config).in_use
        return note if is_free and _is_of(config, note) else None

    def require_trusted(self, folder: Path, note: Note, config: ConverterConfig) -> None:
        """Raise StorageError for a note that is invalid or not trusted, before anything is done with its source."""
        if note.link:
            raise NoteUntrusted(
                f"{folder}: {note.link} is a link, which is never followed there; find out who made it, and remove it"
            )
        alternative = "or remove the note, and the source is archived without a conversion"
        if note.invalid:
            raise StorageError(f"{folder / NOTE}: is invalid ({note.invalid}); correct it, {alternative}")
        if why := doubt(note, config.watch_folder, self.seal):
            raise NoteUntrusted(f"{folder / NOTE}: is not trusted: {why}, {alternative}")

    def remove(self, parked: Parked) -> None:
        """Remove a folder whose source is archived; StorageError when that fails, or when a source is still in it."""
        try:
            _remove(parked.folder)
        except OSError as exc:
            raise StorageError(
                f"{parked.folder}: cannot be removed ({exc.strerror or exc}); its source is archived, so remove it by hand"
            ) from exc

    def _place(self, config: ConverterConfig) -> _Place:
        where = real(_folder_of(config))  # one lock for one folder, by whichever path a converter names it
        with self._mutex:
            return self._places[where]

    def _defer(self, converter_name: str, numbers: set[int]) -> None:
        with self._mutex:
            self._deferred[converter_name] |= numbers


def checksum_of(source: Path) -> str:
    """Return the checksum of a source; empty when it is gone, StorageError when it cannot be read."""
    try:
        return digest(source)
    except SourceVanished:
        return ""
    except OSError as exc:
        raise StorageError(f"{source}: cannot be read ({exc.strerror or exc}); check its rights") from exc


def _folder_of(config: ConverterConfig) -> Path:
    return Path(config.done_folder, NOT_ARCHIVED)


def _created(parent: Path, name: str) -> Path:
    try:
        return make_folder(parent, name)
    except OSError as exc:
        raise StorageError(
            f"{parent}: cannot be created ({exc.strerror or exc}); check its rights and its disk"
        ) from exc


def _is_of(config: ConverterConfig, note: Note) -> bool:
    return note.converter_name in ("", config.name)


def _remove(folder: Path) -> None:
    """Remove a note and its folders; OSError if a source is in them, which is never removed."""
    if (folder / SOURCE).is_dir():
        names.rmdir(folder / SOURCE)
    names.unlink(partial_of(folder), missing_ok=True)
    names.unlink(folder / NOTE, missing_ok=True)
    names.rmdir(folder)
