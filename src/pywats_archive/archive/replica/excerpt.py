"""A part of an archive in a temporary folder, made of portions of its history, for a replay that reads it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.description import recreate
from pywats_archive.blobs import place
from pywats_archive.catalog import entries, erasing, reports
from pywats_archive.catalog.engine import Catalog
from pywats_archive.catalog.refilling import EventMark, refilling
from pywats_archive.models.entry import ArchiveEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of a portion."""

    lines: Iterable[bytes]
    first: EventMark
    """The number of its first event, and the hash of the event before."""
    last: EventMark
    """The number and the hash of its last event."""


class Excerpt(Archive):
    """The archive with those rows and blobs that were put into it. A purged entry is read like any other."""

    def entry(self, archive_id: str) -> ArchiveEntry:
        return replace(super().entry(archive_id), purged_at=None)

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Add a blob, unless it is there; UsageError if no archive has such a file."""
        place.require_shape(path, self.root)
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        if not whole.exists():
            with whole.open("xb") as stream:
                stream.writelines(chunks)

    def is_erased(self, archive_id: str) -> bool:
        """Whether an entry was erased, or its erasure has begun."""
        with self.read() as db:
            return erasing.has_begun(db, archive_id)

    def paths_of(self, archive_id: str) -> frozenset[str]:
        """Return the blobs that an entry has or had: of its source, its companions and its reports."""
        with self.read() as db:
            entry = entries.get(db, archive_id)
            named = (entry.source_archived_path, *(each.archived_path for each in entry.companions))
            return frozenset(
                path for path in (*named, *(each.archived_path for each in reports.of_entry(db, archive_id))) if path
            )


@contextmanager
def excerpt(
    root: Path, description: Mapping[str, Any], portions: Iterable[Rows], *, keys: Path | None = None
) -> Iterator[Excerpt]:
    """Make an excerpt of an archive in an empty folder, from portions of its history, newest first; open for the block.

    Nothing of it is durable. ``keys`` is the folder with the keys of an encrypted archive. ValueError if a portion was altered.
    """
    recreate(root, description)
    (root / layout.CATALOG).write_bytes(_new_catalog())
    catalog = Catalog.open(root / layout.CATALOG, may_be_new=False, for_writing=True)
    try:
        with refilling(catalog) as rows:
            for each in portions:
                rows.put(each.lines, each.first, each.last)
    finally:
        catalog.close()
    made = Excerpt.open(root, keys=keys)
    try:
        assert isinstance(made, Excerpt)
        yield made
    finally:
        made.close()


@cache
def _new_catalog() -> bytes:
    """Return an empty catalog, made once in a process: its migrations take longer than a small excerpt."""
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as name:
        path = Path(name, layout.CATALOG)
        Catalog.open(path, for_writing=True).close()
        return path.read_bytes()
