"""An open archive: its blobs, its catalog, and who may write to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pywats_archive.archive.copies.opening import open_catalog
from pywats_archive.archive.folder import account, catalog_swap, layout, ownership
from pywats_archive.archive.folder.description import COMPLIANCE, Description
from pywats_archive.archive.folder.encryption import blobs_of, described
from pywats_archive.archive.folder.presence import Presence
from pywats_archive.archive.state.clock import ClockRecord
from pywats_archive.archive.state.compliance import Compliance
from pywats_archive.archive.state.ids import Ids
from pywats_archive.archive.state.policies import Policies
from pywats_archive.archive.state.recent_files import RecentFiles
from pywats_archive.blobs.reserve import NAME as RESERVE
from pywats_archive.blobs.reserve import Reserve
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import conversions, entries, entry_pages, events, reports
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.errors import ArchiveError, ArchiveInUse, CatalogDamaged, CatalogError, CatalogFull, StorageError
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.query import EntryFilter, Page
from pywats_archive.models.report import Report
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.portable import names
from pywats_archive.portable.uptime import Uptimes, uptime

if TYPE_CHECKING:
    from filelock import FileLock

T = TypeVar("T")
CHECKED_AT_START_BYTES = 256_000_000
"""A larger catalog is not read completely at a start; 'verify' and 'run --repair' do that. Reading this much takes 0.4 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryDetails:
    """An entry with its whole history."""

    entry: ArchiveEntry
    conversions: tuple[Conversion, ...]
    reports: tuple[Report, ...]
    events: tuple[Event, ...]


Found = Page[ArchiveEntry]


class Archive:
    """One archive folder. Its owner (one process at a time) archives sources; anyone may read and restore.

    Safe to use from many threads. ``catalog``, ``blobs`` and ``policies`` are public to the other modules of this package.
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
        keys: Path | None = None,
    ) -> None:
        self.root, self.description, self._lock = root, description, lock
        self.now = clock
        self.catalog = open_catalog(root / catalog, description, clock, on_step=on_step, for_writing=lock is not None)
        self._presence = Presence(root, description.archive_uuid)
        mark = partial(self._presence.add_feature, COMPLIANCE, on_step=on_step)
        self.compliance = Compliance(self, is_marked=COMPLIANCE in description.features, mark=mark)
        self.policies = Policies(self.catalog, self.write, clock, self.compliance)
        self.clock = ClockRecord(self.catalog, self.write, clock, uptimes)
        self._ids = Ids(self.catalog)
        self.recent_files = RecentFiles()  # that this process archived
        self.vault: str | None = None  # where its blobs were fetched from, if they are not its own
        self.carried_anchor: dict[str, Any] | None = None
        """The latest anchor, which new reports carry in their headers; set by ``anchors``."""
        self.recorded_keys: frozenset[str] = frozenset()
        """The id of the signing key that the history is known to name."""
        self.blobs = blobs_of(root, description, keys, lock, on_step=on_step, require_root=self._presence.require)

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
        keys: Path | None = None,
        encrypt: bool = False,
    ) -> Archive:
        """Open the archive at ``root``; ``own`` opens it for writing, ArchiveInUse if another process owns it.

        ``create`` creates the archive if the folder has none; otherwise NotAnArchive. NewerFormat for a later format.
        ``keys`` is the folder with the keys of encrypted archives. ``encrypt``: the archive is created encrypted, and must be.
        CatalogDamaged if the catalog is missing, empty or damaged; only the owner reads its content to find that, and only up
        to ``CHECKED_AT_START_BYTES``. An archive on a read-only medium is opened for reading (``is_read_only``).
        """
        root = root.absolute()
        if own or create:
            account.require_owner(root)
        description = described(root, create=create, clock=clock, keys=keys, encrypt=encrypt)
        lock = ownership.acquire(root) if own else None
        try:
            catalog_swap.complete(root, is_owner=own)
            made = partial(cls, root, description, lock, on_step=on_step, clock=clock, uptimes=uptimes, keys=keys)
            archive = _with_reserve(root, made, is_owner=own)
            if own:
                _refuse_damaged(archive.catalog)
                archive.reserve.allocate()
                with suppress(CatalogFull):
                    archive.clock.begin()
            return archive
        except BaseException:
            if lock:
                ownership.release(lock)
            raise

    @property
    def reserve(self) -> Reserve:
        """The disk space that is released when the disk is full."""
        return self.blobs.reserve

    @property
    def waits_for_readers(self) -> bool:
        """Whether readers make the writer wait: the disk or share cannot have SQLite's write-ahead log."""
        return self.catalog.waits_for_readers

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be recorded in the archive: its medium, or this account's rights, do not allow it."""
        return self.catalog.is_read_only

    @property
    def is_compliant(self) -> bool:
        """Whether the rules of the compliance edition apply to the archive; once they do, they do for good."""
        return self.compliance.is_on

    def require_present(self) -> None:
        """Raise ArchiveAway or AnotherArchive unless the archive that was opened is still at its path."""
        self._presence.require()

    @property
    def is_owner(self) -> bool:
        """Whether this process may archive sources."""
        return self._lock is not None

    def require_owner(self) -> None:
        """Raise ArchiveInUse unless this process owns the archive."""
        if not self.is_owner:
            raise ArchiveInUse(f"{self.root}: was opened for reading; open it with own=True to archive into it")

    def write(self, unit: Callable[[Connection], T], *, is_patient: bool = False) -> T:
        """Run ``unit`` in a transaction and wait for its commit; it may run twice. A patient one lets others go before.

        On a full disk the reserve is released for it.
        """
        try:
            return self.catalog.write(unit, is_patient=is_patient)
        except CatalogFull:
            with suppress(StorageError):
                self.reserve.release()
            return self.catalog.write(unit, is_patient=is_patient)

    def read(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees everything that is committed."""
        return self.catalog.read()

    def remove_uncommitted(self, archive_id: str, blobs: Sequence[Blob]) -> None:
        """Remove the blobs of an entry whose commit failed, except those that a row may name: recovery checks them."""
        with suppress(ArchiveError, OSError), self.read() as db:
            named = {report.archived_path for report in reports.of_entry(db, archive_id)}
            if entries.has(db, archive_id):
                entry = entries.get(db, archive_id)
                named |= {entry.source_archived_path, *(companion.archived_path for companion in entry.companions)}
            for blob in blobs:
                if blob.path not in named:
                    self.blobs.remove(blob.path, of=archive_id)

    def claim_id(self, moment: datetime, sha256: str) -> str:
        """Return the id of a new entry: that of this moment, or of the next free millisecond."""
        return self._ids.claim(moment, sha256)

    def entry(self, archive_id: str) -> ArchiveEntry:
        """Return one entry; UnknownEntry when there is none."""
        with self.read() as db:
            return entries.get(db, archive_id)

    def has(self, archive_id: str) -> bool:
        """Whether there is such an entry."""
        with self.read() as db:
            return entries.has(db, archive_id)

    def find(self, wanted: EntryFilter, *, limit: int = 100, offset: int = 0, after: str | None = None) -> Found:
        """Return a page of the entries that match, in stable order: behind ``offset`` of them, or where a page ended."""
        with self.read() as db:
            return entry_pages.find(db, wanted, limit=limit, offset=offset, after=after)

    def converter_names(self) -> tuple[str, ...]:
        """Return the names of all converters that have entries."""
        with self.read() as db:
            return entries.converter_names(db)

    def details(self, archive_id: str) -> EntryDetails:
        """Return one entry with its conversions, reports and events; UnknownEntry when there is none."""
        with self.read() as db:
            return EntryDetails(
                entry=entries.get(db, archive_id),
                conversions=conversions.of_entry(db, archive_id),
                reports=reports.of_entry(db, archive_id),
                events=events.of_entry(db, archive_id),
            )

    def reports_of(self, archive_id: str) -> Sequence[Report]:
        """Return the reports of an entry, in order."""
        with self.read() as db:
            return reports.of_entry(db, archive_id)

    def last_conversion(self, archive_id: str) -> Conversion | None:
        """Return the latest conversion of an entry, if there is one."""
        with self.read() as db:
            return conversions.last_of_entry(db, archive_id)

    def document(self, report: Report) -> bytes:
        """Return a report's exact JSON, checked against its checksum; StorageError when it cannot be read."""
        return b"".join(document_chunks(self, report))

    def close(self) -> None:
        """Close the catalog and release the archive; idempotent."""
        self.catalog.close()
        self._presence.close()
        if self._lock:
            ownership.release(self._lock)
            self._lock = None

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _with_reserve(root: Path, open_it: Callable[[], Archive], *, is_owner: bool) -> Archive:
    """Open an archive; its owner may release the reserve for that on a full disk."""
    try:
        return open_it()
    except CatalogDamaged:
        raise
    except CatalogError:
        reserve = root / RESERVE
        if not is_owner or not reserve.exists():
            raise
        names.unlink(reserve)
        return open_it()


def _refuse_damaged(catalog: Catalog) -> None:
    if catalog.path.stat().st_size <= CHECKED_AT_START_BYTES and (faults := catalog.faults(thorough=False)):
        catalog.close()
        raise CatalogDamaged(f"{catalog.path} is damaged ({faults[0]}): run 'pywats-archive rebuild'")


class Stored(Protocol):
    """An object that has an archive, such as ``ArchiveStorage``."""

    archive: Archive


def archive_of(storage: Stored | Archive) -> Archive:
    """Return the archive itself, or the archive of a storage."""
    return storage if isinstance(storage, Archive) else storage.archive


def document_chunks(archive: Archive, report: Report) -> Iterator[bytes]:
    """Stream a report's exact JSON; BlobDamaged after the last chunk if it is damaged."""
    try:
        yield from archive.blobs.read_checked(report.archived_path, report.checksum)
    except OSError as exc:
        why = f"cannot be read ({exc.strerror or exc}); check its rights and the disk"
        raise StorageError(f"{archive.root / report.archived_path}: {why}") from exc
