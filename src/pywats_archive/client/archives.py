"""The open archives of a client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.presence import require_archive
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import ArchiveAway, ArchiveError, CatalogDamaged, UnknownEntry, UsageError
from pywats_archive.host.settings import state_file
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter, Page

if TYPE_CHECKING:
    from pywats_archive.archive.repair.rebuild import Rebuilding
    from pywats_archive.integrity.anchors import AnchorPlaces
    from pywats_archive.models.operation.integrity import Checked, Rebuilt, Thoroughness
    from pywats_archive.models.operation.whereabouts import Whereabouts

Compare = Callable[[Archive], "Iterator[Checked]"]
_LISTED = 10
"""Entries that an error lists for a choice."""


class OpenArchives:
    """The archives in these folders; one whose catalog is damaged can only be verified.

    ``keys`` is the folder with the keys of encrypted archives, if a configuration is known.
    """

    def __init__(self, roots: Sequence[Path], *, keys: Path | None = None) -> None:
        self.roots = tuple(roots)
        self._keys = keys
        self._opening = threading.Lock()
        self.open()

    def open(self) -> None:
        """Open the archives; NotAnArchive names a folder that has none."""
        self._opened: dict[Path, Archive] = {}
        self._damaged: dict[Path, CatalogDamaged] = {}
        with ExitStack() as stack:
            for root in self.roots:
                self._open(root, stack)
            self._exits = stack.pop_all()

    def open_new(self, roots: Iterable[Path]) -> None:
        """Open those archives that are not open yet and exist by now; one that cannot be opened is left for the next time."""
        with self._opening:
            for root in roots:
                if root not in self.roots and (root / layout.DESCRIPTION).exists():
                    with suppress(ArchiveError):
                        self._open(root, self._exits)
                        self.roots = (*self.roots, root)

    def _open(self, root: Path, stack: ExitStack) -> None:
        try:
            self._opened = {**self._opened, root: stack.enter_context(Archive.open(root, keys=self._keys))}
        except CatalogDamaged as exc:
            self._damaged = {**self._damaged, root: exc}

    def close(self) -> None:
        """Close the archives; idempotent."""
        self._exits.close()

    @property
    def all(self) -> tuple[Archive, ...]:
        """Every archive; CatalogDamaged if one is damaged."""
        for damaged in self._damaged.values():
            raise damaged
        return tuple(self._opened.values())

    def only(self, root: Path | None) -> Archive:
        """Return the archive in a folder, or the only one; UsageError if there are several or none."""
        found = [each for each in self.all if root is None or each.root == root.absolute()]
        if len(found) != 1:
            known = ", ".join(str(root) for root in self.roots) or "none"
            fault = f"{root}: no archive of the configuration" if root else "several archives or none"
            raise UsageError(f"{fault}; choose one with --archive: {known}")
        return found[0]

    def holder(self, archive_id: str) -> Archive:
        """Return the archive that has an entry; UnknownEntry if none has it."""
        for archive in self.all if isinstance(archive_id, str) else ():
            if archive.has(archive_id):
                return archive
        raise UnknownEntry(f"no entry is called '{archive_id}'; 'pywats-archive list' shows the entries")

    def resolve(self, text: str, *, newest: bool) -> str:
        """Return the id of the entry that ``text`` names; UnknownEntry if it names none, UsageError if several."""
        from pywats_archive.archive import finding

        each = (finding.ids_of(archive, text, limit=_LISTED + 1) for archive in self.all)
        found = sorted(chain.from_iterable(each), reverse=True)
        if not found:
            raise UnknownEntry(
                f"no entry '{text}': no entry has it as (part of) its id, serial number, path or file name; "
                "'pywats-archive list' shows the entries"
            )
        if len(found) == 1 or (newest and text not in found[0]):
            return found[0]
        listed = ", ".join(found[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
        raise UsageError(f"'{text}' names several entries; choose one: {listed}")

    def find(self, wanted: EntryFilter, *, limit: int, offset: int, after: str | None) -> Page[ArchiveEntry]:
        """Return a page of matching entries over all archives, in stable order, with their total number."""
        if len(self.all) == 1:
            return self.all[0].find(wanted, limit=limit, offset=offset, after=after)
        from pywats_archive.client import merging

        return merging.find(self.all, wanted, limit=limit, offset=offset, after=after)

    def where_is(self, text: str) -> Whereabouts:
        """Find a source by path, name or serial number."""
        from pywats_archive.archive import ledger
        from pywats_archive.models.operation.whereabouts import Whereabouts

        found = [ledger.where_is(archive, text) for archive in self.all]
        return Whereabouts(
            arrivals=tuple(arrival for each in found for arrival in each.arrivals),
            entries=tuple(entry for each in found for entry in each.entries),
        )

    def rebuild(self, how: Rebuilding, *, all_: bool) -> tuple[Rebuilt, ...]:
        """Rebuild the catalogs of all archives, or only the damaged ones."""
        from pywats_archive.archive.repair.rebuild import damage, rebuild

        self.close()
        rebuilt = tuple(rebuild(root, replace(how, keys=self._keys)) for root in self.roots if all_ or damage(root))
        self.open()
        return rebuilt

    def verify(self, thoroughness: Thoroughness, places: AnchorPlaces, compare: Compare) -> Iterator[Checked]:
        """Check every archive, and yield each file that was checked; ``places`` have anchors of them.

        ``compare`` yields how an archive agrees with what is elsewhere.
        """
        from pywats_archive.integrity.verify import verify
        from pywats_archive.models.operation.integrity import Checked, Problem, ProblemKind

        uuids = {archive.description.archive_uuid for archive in self._opened.values()}
        for root in self.roots:
            if root in self._damaged:
                message = str(self._damaged[root])
                yield Checked(problem=Problem(kind=ProblemKind.CATALOG_DAMAGED, path=layout.CATALOG, message=message))
            else:
                others = (uuids | places.others) - {self._opened[root].description.archive_uuid}
                yield from verify(self._opened[root], thoroughness, replace(places, others=frozenset(others)))
                yield from compare(self._opened[root])


def unavailable_archives(station: StationOutline) -> dict[Path, ArchiveAway]:
    """Return the archives that existed before and are unavailable, each with an error that says what to do."""
    known = state_file.recall(station.path, state_file.ARCHIVES)
    unavailable = {}
    for root in station.archive_roots():
        if uuid := known.get(str(root)):
            try:
                require_archive(root, uuid)
            except ArchiveAway as exc:
                meant = "if it was moved, set archive_folder to the new folder; --archive DIR uses only another archive"
                unavailable[root] = type(exc)(f"{exc}; {meant}")
    return unavailable
