"""The newest sound copy of a catalog, unpacked as the beginning of a new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.copies.making import KIND
from pywats_archive.archive.copies.place import CopyPlace
from pywats_archive.archive.copies.plan import CatalogCopy
from pywats_archive.archive.folder import catalog_swap
from pywats_archive.blobs.header import checksum_in
from pywats_archive.catalog.copying import CopyState, examine
from pywats_archive.errors import ArchiveError, BlobDamaged, CatalogDamaged, StorageError
from pywats_archive.models.operation.integrity import Problem, ProblemKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A copy that a catalog is rebuilt from."""

    path: Path
    copy: CatalogCopy
    state: CopyState


def unpack_newest(
    places: Iterable[CopyPlace], archive_uuid: str, root: Path, problems: list[Problem], *, now: datetime
) -> Base | None:
    """Unpack the newest sound copy of these places as the catalog that is being built; None if there is none.

    An unsound copy is a problem, and the next older one is taken; copies from the future, made while the clock was wrong,
    count as the oldest. StorageError if there is no space for it.
    """
    found = sorted(_all(places, problems), key=lambda each: (each[0].at <= now, each[0]), reverse=True)
    for copy, place in found:
        whole = place.root / place.path_of(copy)
        try:
            return Base(path=whole, copy=copy, state=_unpacked(place, copy, archive_uuid, root))
        except ArchiveError as exc:
            message = f"{whole}: this copy of the catalog is not used ({exc})"
            problems.append(Problem(kind=ProblemKind.CATALOG_DAMAGED, path=str(whole), message=message))
        except OSError as exc:
            catalog_swap.tidy(root)
            raise StorageError(f"{root}: {whole} cannot be unpacked here ({exc.strerror or exc}); free space") from exc
        catalog_swap.tidy(root)
    return None


def _all(places: Iterable[CopyPlace], problems: list[Problem]) -> Iterator[tuple[CatalogCopy, CopyPlace]]:
    for place in places:
        try:
            yield from ((copy, place) for copy in place.copies())
        except StorageError as exc:
            problems.append(Problem(kind=ProblemKind.BLOB_UNREADABLE, path=str(place.path), message=str(exc)))


def _unpacked(place: CopyPlace, copy: CatalogCopy, archive_uuid: str, root: Path) -> CopyState:
    """Unpack a copy and examine it; OSError if it cannot be written."""
    about, building = _about(place, copy), root / catalog_swap.BUILDING
    if about.get("kind") != KIND or about.get("archive_uuid") != archive_uuid:
        raise BlobDamaged("it is not a copy of this archive's catalog")
    with open(building, "xb", opener=_for_this_account) as stream:
        stream.writelines(_content(place, copy, about))
    state = examine(building)
    if (state.last_sequence, state.last_hash) != (about.get("last_sequence"), about.get("last_hash")):
        raise CatalogDamaged("the end of its history is not the recorded one")
    return state


def _about(place: CopyPlace, copy: CatalogCopy) -> dict[str, Any]:
    try:
        return place.blobs.label(place.path_of(copy)).metadata
    except OSError as exc:
        raise BlobDamaged(f"it cannot be read: {exc.strerror or exc}") from exc


def _content(place: CopyPlace, copy: CatalogCopy, about: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield from place.blobs.read_checked(place.path_of(copy), checksum_in(about))
    except (OSError, KeyError) as exc:
        raise BlobDamaged(f"it cannot be read: {exc}") from exc


def _for_this_account(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
