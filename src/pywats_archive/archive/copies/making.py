"""Making copies of a catalog that is in use: one snapshot, examined, then compressed into each place and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pywats_archive.archive.copies.place import CopyPlace
from pywats_archive.archive.copies.plan import CatalogCopy, lack_of_room, superseded
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.header import Label, checksum_in
from pywats_archive.blobs.reading import CHUNK_BYTES, Content
from pywats_archive.blobs.store import UNKNOWN
from pywats_archive.catalog.copying import CopyState, copy_to, examine
from pywats_archive.catalog.engine import Catalog
from pywats_archive.errors import ArchiveError, StorageError

KIND = "catalog"
"""``kind`` in the header of a copy."""
_LEVEL = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A copy that is to be made."""

    archive_uuid: str
    at: datetime
    is_before_migration: bool = False
    may_continue: Callable[[], None] = lambda: None
    """Called between two steps; raises to end the copy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A place that is to get the copy, and the space that must stay free on its disk."""

    place: CopyPlace
    least_free_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What became of a copy in one place."""

    path: Path
    """The copy; if it failed, the folder."""
    size_bytes: int = 0
    state: CopyState | None = None
    failure: str | None = None
    """Why there is no copy here; None if there is one."""


def copy_catalog(catalog: Catalog, targets: Sequence[Target], wanted: Wanted) -> tuple[Copied, ...]:
    """Copy a catalog into each of the places that has room; durable, and read back, once this returns.

    A place that fails does not stop the others. Superseded copies are removed where the new one is.
    """
    results, able = list[Copied](), list[Target]()
    for target in targets:
        target.place.remove_temporary()
        failure = _lack_of_room(catalog, target)
        if failure:
            results.append(Copied(path=target.place.path, failure=failure))
        else:
            able.append(target)
    if able:
        results += _copied(catalog, able, wanted)
    return tuple(results)


def _copied(catalog: Catalog, able: Sequence[Target], wanted: Wanted) -> Iterator[Copied]:
    """Make one snapshot in the first of these places and publish it in all; if that fails, try the next place."""
    place = able[0].place
    try:
        with _snapshot(catalog, place, wanted) as (path, state):
            found = [_published(path, state, each.place, wanted) for each in able]
    except (ArchiveError, OSError) as exc:
        yield Copied(path=place.path, failure=_why(exc))
        if able[1:]:
            yield from _copied(catalog, able[1:], wanted)
        return
    yield from found


def _lack_of_room(catalog: Catalog, target: Target) -> str | None:
    try:
        log = catalog.path.with_name(f"{catalog.path.name}-wal")
        size = sum(path.stat().st_size for path in (catalog.path, log) if path.exists())
        return lack_of_room(
            free_bytes=target.place.free_bytes(), least_bytes=target.least_free_bytes, catalog_bytes=size
        )
    except (ArchiveError, OSError) as exc:
        return _why(exc)


@contextmanager
def _snapshot(catalog: Catalog, place: CopyPlace, wanted: Wanted) -> Iterator[tuple[Path, CopyState]]:
    """Copy the catalog into a temporary file, which is removed afterwards, and examine it."""
    with place.blobs.files.scratch(place.folder) as path:
        copy_to(catalog, path, on_pages=wanted.may_continue)
        yield path, examine(path)


def _published(path: Path, state: CopyState, place: CopyPlace, wanted: Wanted) -> Copied:
    copy = CatalogCopy(at=wanted.at.astimezone(timezone.utc), is_before_migration=wanted.is_before_migration)
    about = {
        "kind": KIND,
        "archive_uuid": wanted.archive_uuid,
        "copied_at": wanted.at.isoformat(timespec="seconds"),
        **asdict(state),
    }
    try:
        size = _publish(_chunks(path, wanted.may_continue), about, place, copy)
        place.remove(superseded(place.copies(), now=wanted.at))
    except (ArchiveError, OSError) as exc:
        return Copied(path=place.path, failure=_why(exc))
    return Copied(path=place.root / place.path_of(copy), size_bytes=size, state=state)


def _publish(chunks: Iterable[bytes], about: dict[str, Any], place: CopyPlace, copy: CatalogCopy) -> int:
    """Write a copy into a place, and read it back; returns its compressed size."""
    path = place.path_of(copy)

    def label(content: Content) -> Label:
        metadata = {**about, "sha256": content.sha256, "size_bytes": content.size_bytes}
        return Label(original_name=layout.CATALOG, mtime_s=int(copy.at.timestamp()), metadata=metadata)

    def naming(content: Content) -> tuple[str, Label]:
        if (place.root / path).exists():
            raise StorageError(f"{place.root / path}: exists already")
        return path, label(content)

    blob = place.blobs.write(chunks, folder=place.folder, draft=lambda: label(UNKNOWN), naming=naming, level=_LEVEL)
    try:
        place.blobs.sync_name(blob)
        place.blobs.check(blob.path, blob.content.checksum)
    except BaseException:
        place.remove([copy])  # under its name, it would be taken for the newest sound one
        raise
    return blob.compressed_size_bytes


def copy_over(copy: CatalogCopy, source: CopyPlace, place: CopyPlace) -> None:
    """Copy a finished copy into another place; StorageError or OSError."""
    metadata = source.blobs.label(source.path_of(copy)).metadata
    _publish(source.blobs.read_checked(source.path_of(copy), checksum_in(metadata)), metadata, place, copy)


def _chunks(path: Path, may_continue: Callable[[], None]) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            may_continue()
            yield chunk


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
    return str(error)
