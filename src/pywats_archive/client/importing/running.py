"""An import: each item of the survey that has no entry yet becomes one, some fifty in a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported import known, taking_over
from pywats_archive.archive.imported.orphans import importing
from pywats_archive.archive.imported.todo import Importing, Outcome, ToDo
from pywats_archive.archive.sources import reading
from pywats_archive.client.importing import documents, zips
from pywats_archive.client.importing.items import Item, ItemKind, not_imported
from pywats_archive.errors import SourceChanged, SourceVanished, StorageError
from pywats_archive.models.operation.importing import Imported, NotImported
from pywats_archive.portable import open_files

_AT_ONCE = 50
"""Sources in one commit."""
_MOST_BYTES = 64_000_000
"""Of sources and reports in one commit, so that a service that starts need not wait long."""
Ended = Outcome | NotImported
OnImported = Callable[[int], None]
"""Called with the number of items that were just looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """An import into one archive."""

    archive: Archive
    how: Importing
    is_remote: bool
    """Whether the Done folder is on a share, where nobody knows what other computers have open."""
    on_imported: OnImported

    def run(self, items: Iterable[Item | NotImported]) -> Iterator[Ended]:
        """Import items, and stream what became of each; safe to repeat, also after a kill."""
        with importing(self.archive):
            for batch in _batches(items):
                yield from (each for each in batch if isinstance(each, NotImported))
                yield from self._batch([each for each in batch if isinstance(each, Item)])
                self.on_imported(len(batch))

    def _batch(self, batch: Sequence[Item]) -> Iterator[Ended]:
        moved = known.moved_here(self.archive, [item.path for item in batch])
        todos: list[ToDo] = []
        reports: dict[Path, Sequence[Item]] = {}
        for item in batch:
            for each in undone(self.archive, item, self.how.converter_name, moved.get(str(item.path))):
                made = Outcome(path=item.path, archive_id=each.archive_id) if isinstance(each, known.Known) else each
                judged = self._judged(made) if isinstance(made, Item) else made
                if isinstance(judged, ToDo):
                    todos.append(judged)
                    reports[judged.path] = made.reports if isinstance(made, Item) else ()
                else:
                    yield judged
        more: list[Item] = []
        for outcome in taking_over.take_over(self.archive, todos, self.how):
            yield outcome
            more += self._not_added(reports[outcome.path], outcome)
        if more:
            yield from self._batch(more)

    def _not_added(self, reports: Sequence[Item], outcome: Outcome) -> Iterator[Item]:
        """Stream the reports of a source that its entry, which was there before, does not have."""
        if outcome.archive_id is None or outcome.is_new or not reports:
            return
        there = {report.checksum for report in self.archive.reports_of(outcome.archive_id)}
        yield from (each for each in reports if each.exact and each.exact.checksum not in there)

    def _judged(self, item: Item) -> ToDo | NotImported:
        """Read what goes with an item; why it cannot be imported, if it is being written to, or is gone."""
        try:
            if any(open_files.has_writer(path, is_remote=self.is_remote) for path in reading.files_of(item.path)):
                reason = "is open for writing in another program; import it again once it is closed"
                return NotImported(path=str(item.path), reason=reason)
            return _todo(item)
        except (OSError, SourceVanished, SourceChanged, StorageError) as exc:
            return not_imported(item.path, exc)


def undone(
    archive: Archive, item: Item, converter_name: str, moved_as: str | None
) -> Iterator[Item | known.Known | NotImported]:
    """Return what of an item is not archived yet; its entry if all of it is.

    Companions that an imported entry does not have yet are added to it (``known.addable``). The reports beside a source that
    the service archived are items of their own: that entry is not changed. So is a changed report beside an imported source,
    if its entry has a report with this id already.
    """
    zip_ = None if item.zip_size_bytes is None else known.Zip(name=item.path.name, size_bytes=item.zip_size_bytes)
    stamp = item.look[1]
    found = known.known(
        archive, item.original_path, converter_name, stamp, moved_as=moved_as, zip_=zip_, checksum=_checksum_of(item)
    )
    if found is None:
        yield item
        return
    new = [each for each in item.reports if each.exact and each.exact.checksum not in found.reports]
    added = [each for each in new if found.is_imported and each.exact and each.exact.report_id not in found.report_ids]
    late = tuple(_lacking(item, item.archived_with, found)) if found.is_imported else ()
    is_cut_off = (
        item.kind is ItemKind.REPORT and found.is_imported and not found.reports
    )  # a kill came before its report
    is_more = added or is_cut_off or (late and known.addable(found.archived_at, item.path, late))
    yield replace(item, reports=tuple(added)) if is_more else found
    yield from _left_out(item, found)
    for each in new if found.is_imported else item.reports:
        if each not in added:
            yield from undone(archive, each, converter_name, None)


def _checksum_of(item: Item) -> Callable[[], str] | None:
    """Return what reads a source; None for a folder, which the import itself compares."""
    if item.kind is ItemKind.FOLDER:
        return None
    if item.kind is ItemKind.ZIPPED:
        return zips.packed(item.path, item.original_path.name, item.zip_size_bytes or 0).checksum
    return lambda: reading.checksum(item.path)


def _lacking(item: Item, paths: Iterable[Path], found: known.Known) -> Iterator[Path]:
    return (path for path in paths if path.relative_to(item.path.parent).as_posix() not in found.companions)


def _left_out(item: Item, found: known.Known) -> Iterator[NotImported]:
    """Name the companions that an entry of the service does not have: that entry is not changed."""
    for path in () if found.is_imported else _lacking(item, item.companions, found):
        reason = f"belongs to {item.path.name}, which the service archived without it; keep it elsewhere"
        yield NotImported(path=str(path), reason=reason)


def summed(ended: Iterable[Ended], start: Imported) -> Imported:
    """Return an import with the sums over what became of its items."""
    new = already = reports = disk = 0
    problems: list[NotImported] = []
    for each in ended:
        if isinstance(each, NotImported):
            problems.append(each)
        elif each.reason:
            problems.append(NotImported(path=str(each.path), reason=each.reason.removeprefix(f"{each.path}: ")))
        else:
            new, already = new + each.is_new, already + (not each.is_new)
            reports, disk = reports + each.reports, disk + each.disk_size_bytes
    return replace(
        start,
        imported=new,
        already_imported=already,
        reports=reports,
        disk_size_bytes=disk,
        not_imported=tuple(problems),
    )


def _batches(items: Iterable[Item | NotImported]) -> Iterator[Sequence[Item | NotImported]]:
    batch: list[Item | NotImported] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size_bytes if isinstance(item, Item) else 0
        if len(batch) >= _AT_ONCE or size >= _MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _todo(item: Item) -> ToDo:
    of_it = item.reports if item.kind is not ItemKind.REPORT else (item,)
    packed = None
    if item.kind is ItemKind.ZIPPED:
        packed = zips.packed(item.path, item.original_path.name, item.path.lstat().st_size)
    return ToDo(
        path=item.path,
        original_path=item.original_path,
        look=item.look,
        own_time=item.own_time,
        documents=tuple(_document(each.path) for each in of_it),
        packed=packed,
    )


def _document(path: Path) -> bytes:
    found = documents.read(path)
    if found is None:
        raise SourceChanged(f"{path}: was changed while it was imported; import it again")
    return found.body
