"""Importing entries of a bag: their blobs are durable, then their rows are committed together, and nothing of them is sent.

An entry keeps its id. What a kill left, blobs or rows that a recovery made of them, is used when the import is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from pywats_archive.archive import decision_log
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account, layout, locks
from pywats_archive.archive.imported.bagged import Bringing, Brought, FromBag, Kept, Present, Taken
from pywats_archive.archive.imported.committing import commit
from pywats_archive.archive.imported.labels import Labels
from pywats_archive.archive.imported.origin import event_of
from pywats_archive.archive.sources.failure import not_archived
from pywats_archive.blobs.header import ALGORITHM, Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.store import UNKNOWN, Blob
from pywats_archive.errors import BagRefused, StorageError
from pywats_archive.models.entry import ERASED, Companion, SourceKind
from pywats_archive.models.event import SOURCE_IMPORTED
from pywats_archive.portable.placing import last_part

_LONGEST_RECOVERY_S = 600.0
_GONE = "was erased here, and stays so; the bag still has it"


class _Refused(Exception):
    """The entry cannot be imported; the others can."""


def bring_in(archive: Archive, batch: Sequence[FromBag], how: Bringing) -> tuple[Brought, ...]:
    """Import entries in one commit; durable once this returns. Call it inside ``locks.only_import``.

    One that the archive has is left as it is; one that was erased, or whose id another source has, is refused. StorageError
    leaves no row.
    """
    account.require_owner(archive.root)
    taken: list[Taken] = []
    outcomes: list[Brought] = []
    erased = erased_here(archive)
    with locks.between_import_batches(archive.root, timeout_s=_LONGEST_RECOVERY_S):
        try:
            outcomes.extend(_outcome(archive, bagged, taken, erased) for bagged in batch)
            commit(archive, taken, how)
        except BaseException:
            for each in taken:
                archive.remove_uncommitted(each.bagged.archive_id, each.removable)
            raise
    return tuple(outcomes)


def erased_here(archive: Archive) -> Set[str]:
    """Return the ids of the entries that were erased, or that a stopped erasure is going to erase."""
    return decision_log.erased(archive.root).keys()


def known(archive: Archive, bagged: FromBag, erased: Set[str]) -> Brought | None:
    """Return the result of an entry that would not be written; None if it would be written."""
    try:
        return None if _is_missing(archive, bagged, erased) else Brought(archive_id=bagged.archive_id)
    except _Refused as exc:
        return Brought(archive_id=bagged.archive_id, reason=str(exc))


def _outcome(archive: Archive, bagged: FromBag, taken: list[Taken], erased: Set[str]) -> Brought:
    archive_id = bagged.archive_id
    try:
        if not _is_missing(archive, bagged, erased):
            return Brought(archive_id=archive_id)
    except _Refused as exc:
        return Brought(archive_id=archive_id, reason=str(exc))
    new = Taken(bagged=bagged, is_left=archive.has(archive_id))
    taken.append(new)
    try:
        _Writing(archive, new).write()
    except _Refused as exc:
        taken.remove(new)
        archive.remove_uncommitted(archive_id, new.removable)
        return Brought(archive_id=archive_id, reason=str(exc))
    except OSError as exc:
        raise not_archived(archive_id, archive.root, exc) from exc
    return Brought(archive_id=archive_id, is_new=True)


def _is_missing(archive: Archive, bagged: FromBag, erased: Set[str]) -> bool:
    """Whether an entry is to be imported: the archive has none with its id, or only what a killed import left."""
    mine = bagged.record.entry
    if mine.archive_id in erased:
        raise _Refused(_GONE)
    if not archive.has(mine.archive_id):
        return True
    there = archive.details(mine.archive_id)
    if there.entry.source_original_path == ERASED:
        raise _Refused(_GONE)
    names = [(each.source_checksum, each.source_original_path, each.converter_name) for each in (there.entry, mine)]
    if names[0] != names[1]:
        raise _Refused(
            f"its id belongs to another source here, {there.entry.source_original_path}; nothing was changed"
        )
    if there.entry.purged_at:
        raise _Refused(f"was purged here on {there.entry.purged_at:%Y-%m-%d}; the bag keeps it")
    kinds = {each.kind for each in there.events}
    is_committed = not kinds.isdisjoint({"source.archived", SOURCE_IMPORTED})
    return "source.recovered" in kinds and not is_committed and not there.conversions


class _Writing:
    """Writes the blobs of one entry, each under the name that it has in every archive."""

    def __init__(self, archive: Archive, taken: Taken) -> None:
        self._archive = archive
        self._taken = taken
        self._entry = taken.bagged.record.entry
        self._labels = Labels(taken.bagged.record)

    def write(self) -> None:
        """Write the source, the companions, the documents of the reports, and the record, in this order."""
        bagged, taken = self._taken.bagged, self._taken
        if bagged.source:
            is_folder = self._entry.source_kind is SourceKind.FOLDER
            name = last_part(self._entry.source_original_path)
            path = layout.folder_path(bagged.archive_id) if is_folder else layout.source_path(bagged.archive_id, name)
            taken.source = self._keep(path, bagged.source, self._labels.source)
        taken.companions = tuple(self._companion(number, *each) for number, each in enumerate(bagged.companions, 1))
        taken.documents = tuple(self._document(number, each) for number, each in enumerate(bagged.documents, 1))
        taken.record = self._record()

    def _companion(self, number: int, companion: Companion, present: Present) -> Companion:
        path = layout.companion_path(self._taken.bagged.archive_id, number)
        kept = self._keep(path, present, lambda content: self._labels.companion(content, companion, present, number))
        return replace(companion, archived_path=kept.path)

    def _document(self, number: int, present: Present | None) -> Kept | None:
        if present is None:
            return None
        path = layout.report_path(self._taken.bagged.archive_id, number)
        return self._keep(path, present, lambda content: self._labels.report(content, number))

    def _record(self) -> Kept:
        body = self._taken.bagged.body
        path, checksum = layout.origin_path(self._taken.bagged.archive_id), f"{ALGORITHM}:{sha256(body).hexdigest()}"
        self._remove_other_record(self._archive.blobs.named(path), checksum)
        return self._write(path, checksum, lambda: iter([body]), self._labels.record)

    def _remove_other_record(self, path: str, checksum: str) -> None:
        """Remove the record that an import of another bag left when it did not commit: no event names it."""
        archive_id, blobs = self._taken.bagged.archive_id, self._archive.blobs
        with suppress(StorageError, KeyError):  # a missing one is written, a damaged one is refused
            if blobs.read_header(path).label.checksum != checksum and not event_of(self._archive, archive_id):
                blobs.remove(path, of=archive_id)

    def _keep(self, path: str, present: Present, label: Callable[[Content], Label]) -> Kept:
        return self._write(path, present.checksum, present.chunks, label)

    def _write(
        self, path: str, checksum: str, chunks: Callable[[], Iterator[bytes]], label: Callable[[Content], Label]
    ) -> Kept:
        path = self._archive.blobs.named(path)
        if (self._archive.root / path).exists():
            kept = self._left(path, checksum)
        else:
            blob = self._new(path, checksum, chunks, label)
            sizes = (blob.compressed_size_bytes, blob.disk_size_bytes, blob.content.checksum)
            kept = Kept(
                path=path, compressed_size_bytes=sizes[0], disk_size_bytes=sizes[1], checksum=sizes[2], blob=blob
            )
        self._taken.kept.append(kept)
        return kept

    def _left(self, path: str, checksum: str) -> Kept:
        """Use the blob that a killed import wrote, if it holds the same."""
        try:
            found = self._archive.blobs.read_header(path)
            if checksum != found.label.checksum:
                raise _Refused(f"{path} is there and holds something else; run 'pywats-archive verify'")
            self._archive.blobs.check(path, found.label.checksum)
        except (StorageError, KeyError) as exc:
            raise _Refused(f"{path} is there and cannot be used ({exc}); run 'pywats-archive verify'") from exc
        return Kept(
            path=path,
            compressed_size_bytes=found.compressed_size_bytes,
            disk_size_bytes=self._archive.blobs.disk_size(path),
            checksum=found.label.checksum,
            blob=None,
        )

    def _new(
        self, path: str, checksum: str, chunks: Callable[[], Iterator[bytes]], label: Callable[[Content], Label]
    ) -> Blob:
        def naming(content: Content) -> tuple[str, Label]:
            if checksum != content.checksum:
                raise BagRefused(f"{path}: the bag was changed while it was imported; check it again")
            if (self._archive.root / path).exists():
                raise _Refused(f"{path} was written by another program meanwhile; import the bag again")
            return path, label(content)

        return self._archive.blobs.write(
            chunks(),
            folder=path.rpartition("/")[0],
            draft=lambda: label(UNKNOWN),
            naming=naming,
            level=self._entry.compression_level,
        )
