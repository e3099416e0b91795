"""The source of an entry on its page: a window of the file, of a member of the folder, or of a companion."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from typing import IO, cast

from starlette.datastructures import QueryParams

from pywats_archive.client import Client
from pywats_archive.client.plant.files import PlantFiles
from pywats_archive.errors import BlobMissing, StorageError, UsageError
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.web.views.preview import KINDS, WINDOW, Preview, Window, preview
from pywats_archive.web.views.tree import LARGEST
from pywats_archive.web.views.words import visible

_MEMBERS = 1000
_PIECE = 1 << 20
_ALIGNED = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of a folder source."""

    name: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the page shows of a source."""

    preview: Preview | None = None
    members: tuple[Member, ...] = ()
    member: str = ""
    companion: str = ""
    kind: str = ""
    problem: str = ""
    is_missing: bool = False
    """Whether the archive lacks the file that is to be shown."""
    vault: str | None = None
    """The vault that the file comes from; None if it comes from the archive."""


def look(client: Client | PlantFiles, entry: ArchiveEntry, query: QueryParams, *, actor: str) -> Look:
    """Read what the address asks for: ``member`` or ``companion``, from ``at``, shown ``as`` text or bytes."""
    member, companion = query.get("member", ""), query.get("companion", "")
    kind = query.get("as", "") if query.get("as") in KINDS else ""
    at = int(query.get("at", "")[:18]) if query.get("at", "").isdecimal() else 0
    at -= at % _ALIGNED
    try:
        if companion:
            size = next((each.size_bytes for each in entry.companions if each.name == companion), 0)
            with client.open_companion(entry.archive_id, companion, actor=actor) as content:
                shown = preview(_window(content, companion, at, size), kind=kind)
            return Look(preview=shown, companion=companion, kind=kind, vault=content.vault)
        with client.open_source(entry.archive_id, actor=actor) as content:
            if entry.source_kind is not SourceKind.FOLDER:
                window = _window(content, entry.source_original_path, at, entry.source_size_bytes)
                return Look(preview=preview(window, kind=kind), kind=kind, vault=content.vault)
            with _tar(content) as tar:
                if not member:
                    return Look(members=tuple(_members(tar)), vault=content.vault)
                found = next((each for each in tar if each.isfile() and each.name == member), None)
                if found is None:
                    raise UsageError(f"the folder has no file '{member}'")
                inner = cast("IO[bytes]", tar.extractfile(found))
                shown = preview(_window(inner, member, at, found.size), kind=kind)
                return Look(preview=shown, member=member, kind=kind, vault=content.vault)
    except StorageError as exc:
        is_missing = isinstance(exc, BlobMissing) and bool(entry.source_archived_path)
        return Look(problem=visible(exc, most=1000), is_missing=is_missing)


def _window(content: BufferedIOBase | IO[bytes], name: str, at: int, size: int) -> Window:
    """Read a window. What lies before it is read too: a compressed file has no other way there."""
    at = min(at, max(size - 1, 0) - max(size - 1, 0) % _ALIGNED)
    mark = content.read(2)
    if at == 0:
        rest = content.read((LARGEST if size <= LARGEST else WINDOW) - len(mark))
        return Window(name=name, content=mark + rest, size=size, mark=mark)
    left = at - len(mark)
    while left and (piece := content.read(min(left, _PIECE))):
        left -= len(piece)
    return Window(name=name, content=content.read(WINDOW), at=at, size=size, mark=mark)


def _members(tar: tarfile.TarFile) -> Iterator[Member]:
    files = (each for each in tar if each.isfile())
    for _, each in zip(range(_MEMBERS), files):  # noqa: B905 (the shorter one ends)
        yield Member(name=each.name, size_bytes=each.size)


@contextmanager
def _tar(content: BufferedIOBase) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", content), mode="r|") as tar:
            yield tar
    except tarfile.TarError as exc:
        raise StorageError(f"the archived folder cannot be read ({exc}); run 'pywats-archive verify'") from exc
