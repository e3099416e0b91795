"""An open archive: its blobs, its catalog, and who may write to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from filelock import FileLock

from pywats_archive.archive import account, layout, ownership, replacing
from pywats_archive.archive.clock import ClockRecord
from pywats_archive.archive.description import Description, open_description
from pywats_archive.archive.policies import Policies
from pywats_archive.archive.presence import Anchor
from pywats_archive.archive.sharing import Shared
from pywats_archive.archive.uptime import Uptimes, uptime
from pywats_archive.blobs.reserve import NAME as RESERVE
from pywats_archive.blobs.reserve import Reserve
from pywats_archive.blobs.store import Blob, BlobStore
from pywats_archive.catalog import candidates, conversions, entries, events, reports
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.errors import (
    ArchiveError,
    ArchiveInUse,
    CatalogDamaged,
    CatalogError,
    CatalogFull,
    NotAnArchive,
    StorageError,
)
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.ids import archive_id, moment_of
from pywats_archive.models.query import EntryFilter, Page
from pywats_archive.models.report import Report
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now

T = TypeVar("T")
CHECKED_AT_START_BYTES = 256_000_000
"""A larger catalog is not read whole at every start: 'verify' and 'run --repair' do that. This much takes 0.4 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryDetails:
    """An entry with its whole history."""

    entry: ArchiveEntry
    conversions: tuple[Conversion, ...]
    reports: tuple[Report, ...]
    events: tuple[Event, ...]


class Archive:
    """One archive folder. Its owner (one process at a time) takes sources in; anyone may read and restore.

    Safe to use from many threads.
    """

    def __init__(
        self,
        root: Path,
        description: Description,
        lock: FileLock | None,
        *,
        on_step: OnStep,
        clock: Clock,
        uptimes: Uptimes = uptime,
        catalog: str = layout.CATALOG,
    ) -> None:
        self.root = root
        self.description = description
        self.now = clock
        is_new = catalog != layout.CATALOG or not _has_blobs(root)
        self.catalog = Catalog.open(root / catalog, on_step=on_step, may_be_new=is_new, for_writing=lock is not None)
        self._lock = lock
        self.policies = Policies(self.catalog, self.write, clock)
        self.clock = ClockRecord(self.catalog, self.write, clock, uptimes)
        self._ids = _Ids(self.catalog)
        self._anchor = Anchor(root, description.archive_uuid)
        self.shared = Shared()
        """Which files this process archived lately."""
        self.blobs = BlobStore(root, on_step=on_step, require_root=self._anchor.require)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        create: bool = False,
        own: bool = False,
        on_step: OnStep = no_step,
        clock: Clock = utc_now,
        uptimes: Uptimes = uptime,
    ) -> Archive:
        """Open the archive at ``root``; ``own`` takes it for writing, ArchiveInUse when another process has it.

        ``create`` makes it when the folder holds none; NotAnArchive otherwise, NewerFormat for a later format. CatalogDamaged
        when the catalog is missing, empty or damaged; its inside is read for that by the owner alone, and only up to
        ``CHECKED_AT_START_BYTES``. One on a read-only medium is opened for reading (``is_read_only``).
        """
        root = root.absolute()
        if own or create:
            account.require_owner(root)
        description = describe(root, create=create, clock=clock)
        lock = ownership.acquire(root) if own else None
        try:
            _settle_catalog(root, is_owner=own)
            archive = cls._opened(root, description, lock, on_step=on_step, clock=clock, uptimes=uptimes)
            if own:
                archive._refuse_damaged_catalog()
                archive.reserve.take()
                with suppress(CatalogFull):
                    archive.clock.begin()
            return archive
        except BaseException:
            if lock:
                ownership.release(lock)
            raise

    @classmethod
    def _opened(
        cls,
        root: Path,
        description: Description,
        lock: FileLock | None,
        *,
        on_step: OnStep,
        clock: Clock,
        uptimes: Uptimes,
    ) -> Archive:
        """Open it; on a full disk even that may need the reserve, which the owner may give up for it."""
        try:
            return cls(root, description, lock, on_step=on_step, clock=clock, uptimes=uptimes)
        except CatalogDamaged:
            raise
        except CatalogError:
            reserve = root / RESERVE
            if lock is None or not reserve.exists():
                raise
            reserve.unlink()
            return cls(root, description, lock, on_step=on_step, clock=clock, uptimes=uptimes)

    @property
    def reserve(self) -> Reserve:
        """The room that is given up when the disk is full."""
        return self.blobs.reserve

    @property
    def waits_for_readers(self) -> bool:
        """Tell whether who reads it makes who writes it wait: its disk or share cannot have SQLite's write-ahead log."""
        return self.catalog.waits_for_readers

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be put on record in it: its medium, or this account's rights, do not allow it."""
        return self.catalog.is_read_only

    def require_present(self) -> None:
        """Raise ArchiveAway or AnotherArchive unless this very archive, as it was opened, lies where it was."""
        self._anchor.require()

    @property
    def is_owner(self) -> bool:
        """Tell whether this process may take sources in."""
        return self._lock is not None

    def require_owner(self) -> None:
        """Raise ArchiveInUse unless this process owns the archive."""
        if not self.is_owner:
            raise ArchiveInUse(f"{self.root}: was opened for reading; open it with own=True to archive into it")

    def _refuse_damaged_catalog(self) -> None:
        path = self.catalog.path
        if path.stat().st_size <= CHECKED_AT_START_BYTES and (faults := self.catalog.faults(thorough=False)):
            self.catalog.close()
            raise CatalogDamaged(f"{path} is damaged ({faults[0]}): run 'pywats-archive rebuild'")

    def write(self, unit: Callable[[Connection], T]) -> T:
        """Run ``unit`` in a transaction and wait for its commit; it may be run twice.

        On a full disk the reserve is given up for it.
        """
        try:
            return self.catalog.write(unit)
        except CatalogFull:
            with suppress(StorageError):
                self.reserve.give_up()
            return self.catalog.write(unit)

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees what is committed."""
        return self.catalog.read()

    def take_back(self, archive_id: str, blobs: Sequence[Blob]) -> None:
        """Remove blobs of an entry whose commit failed: what they hold is still where it came from.

        They are kept when it cannot be told for certain that no row names them; recovery looks at them then.
        """
        with suppress(ArchiveError, OSError), self.read() as db:
            named = {report.archived_path for report in reports.of_entry(db, archive_id)}
            if entries.has(db, archive_id):
                entry = entries.get(db, archive_id)
                named |= {entry.source_archived_path, *(companion.archived_path for companion in entry.companions)}
            for blob in blobs:
                if blob.path not in named:
                    self.blobs.remove(blob.path, of=archive_id)

    def claim_id(self, moment: datetime, sha256: str) -> str:
        """Name a new entry: the moment's id, or that of the next free millisecond."""
        return self._ids.claim(moment, sha256)

    def entry(self, archive_id: str) -> ArchiveEntry:
        """Give one entry; UnknownEntry when there is none."""
        with self.read() as db:
            return entries.get(db, archive_id)

    def has(self, archive_id: str) -> bool:
        """Tell whether there is such an entry."""
        with self.read() as db:
            return entries.has(db, archive_id)

    def find(self, wanted: EntryFilter, *, limit: int = 100, offset: int = 0) -> Page[ArchiveEntry]:
        """Give a page of the entries that match, in stable order, with their total number."""
        with self.read() as db:
            return entries.find(db, wanted, limit=limit, offset=offset)

    def newest_moment(self) -> datetime | None:
        """Return when the newest entry was received whose id says that; None where there is none."""
        with self.read() as db:
            newest = candidates.newest_id(db, misdated=self.clock.misdated(db))
        return moment_of(newest) if newest else None

    def converter_names(self) -> tuple[str, ...]:
        """Give the names of all converters that entries are of."""
        with self.read() as db:
            return entries.converter_names(db)

    def details(self, archive_id: str) -> EntryDetails:
        """Give one entry with its conversions, reports and events; UnknownEntry when there is none."""
        with self.read() as db:
            return EntryDetails(
                entry=entries.get(db, archive_id),
                conversions=conversions.of_entry(db, archive_id),
                reports=reports.of_entry(db, archive_id),
                events=events.of_entry(db, archive_id),
            )

    def reports_of(self, archive_id: str) -> Sequence[Report]:
        """Give the reports of an entry, in order."""
        with self.read() as db:
            return reports.of_entry(db, archive_id)

    def last_conversion(self, archive_id: str) -> Conversion | None:
        """Give the latest attempt to convert an entry, if there was any."""
        with self.read() as db:
            return conversions.last_of_entry(db, archive_id)

    def document(self, report: Report) -> bytes:
        """Return a report's exact JSON, checked against its checksum; StorageError when it cannot be read."""
        try:
            return b"".join(self.blobs.read_checked(report.archived_path, report.checksum))
        except OSError as exc:
            path = self.root / report.archived_path
            raise StorageError(
                f"{path}: cannot be read ({exc.strerror or exc}); check its rights and the disk"
            ) from exc

    def close(self) -> None:
        """Close the catalog and give the archive free; idempotent."""
        self.catalog.close()
        self._anchor.close()
        if self._lock:
            ownership.release(self._lock)
            self._lock = None

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Ids:
    """Names given by this process, so that two sources of one millisecond get two names."""

    _REMEMBERED = 50_000

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._given: set[str] = set()
        self._mutex = threading.Lock()
        with catalog.read() as db:
            self._newest = entries.newest_id(db)

    def claim(self, moment: datetime, sha256: str) -> str:
        with self._mutex:
            while self._is_taken(name := archive_id(moment, sha256)):
                moment += timedelta(milliseconds=1)
            if len(self._given) > self._REMEMBERED:
                self._newest, self._given = max(self._given), set()
            self._given.add(name)
            return name

    def _is_taken(self, name: str) -> bool:
        """Only names up to the newest of earlier times need to be looked up: the clock may have been set back."""
        if name in self._given:
            return True
        if name > self._newest:
            return False
        with self._catalog.read() as db:
            return entries.has(db, name)


def describe(root: Path, *, create: bool = False, clock: Clock = utc_now) -> Description:
    """Read what the archive says of itself; NotAnArchive when there is none and ``create`` does not make one."""
    if not create and not (root / layout.DESCRIPTION).exists():
        raise NotAnArchive(f"{root}: holds no archive; check the path, and whether its disk or share is mounted")
    return open_description(root, clock=clock)


def _settle_catalog(root: Path, *, is_owner: bool) -> None:
    """Bring a rebuilding to its end that a crash stopped, and refuse to make a new catalog beside blobs."""
    try:
        if is_owner:
            replacing.tidy(root)
            replacing.finish(root)
        elif replacing.is_pending(root):
            with ownership.owning(root):
                replacing.finish(root)
    except OSError as exc:
        raise StorageError(f"{root}: a rebuilding cannot be finished ({exc.strerror or exc}); check the disk") from exc
    if not (root / layout.CATALOG).exists() and _has_blobs(root):
        raise CatalogDamaged(
            f"{root / layout.CATALOG}: is missing; run 'pywats-archive rebuild' to make it from the blobs"
        )


def _has_blobs(root: Path) -> bool:
    return any((root / top).exists() for top in (layout.SOURCES, layout.REPORTS))


class Stored(Protocol):
    """What has an archive, such as an ``ArchiveStorage``."""

    archive: Archive


def archive_of(storage: Stored | Archive) -> Archive:
    """Give the archive of what has one, or is one."""
    return storage if isinstance(storage, Archive) else storage.archive
