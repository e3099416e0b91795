"""The code of converters, stored once for each version, so that a conversion can be repeated with it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.header import Label, checksum_in
from pywats_archive.blobs.reading import Content
from pywats_archive.catalog import events
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobLocked, BlobMissing, StorageError
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import Conversion, ConverterInfo
from pywats_archive.models.event import Event
from pywats_archive.portable.event_log import warn

_LEVEL = 6
_STORED = "converter.kept"
"""The kind of the event of stored code."""


class StoredCodes:
    """The converters' code that is known to be stored in one archive; safe to use from many threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: dict[str, ConverterInfo] = {}
        self._latest = ""

    @property
    def latest(self) -> str:
        """The fingerprint of the code that was last stored, or known to be stored; empty if there is none."""
        return self._latest

    def info(self, fingerprint: str | None) -> ConverterInfo | None:
        """Return what is known of code that was stored by this object."""
        return self._known.get(fingerprint or "")

    def store(self, info: ConverterInfo, code: ConverterCode | None = None) -> None:
        """Store a converter's code, once; without ``code`` its files are read, if they are still the same.

        Durable once this returns. A failure is a warning: the conversion counts, but a replay may lack the code.
        """
        if not info.fingerprint or info.fingerprint in self._known:
            self._latest = info.fingerprint or self._latest
            return
        try:
            code = code or _read(info)
            if code is None or code.fingerprint != info.fingerprint:
                warn("converter.code_not_kept", fingerprint=info.fingerprint, reason="it was edited meanwhile")
                return
            store(self._archive, code, version=info.version, distribution=info.distribution)
        except (ArchiveError, OSError) as exc:
            warn("converter.code_not_kept", fingerprint=info.fingerprint, reason=str(exc))
            return
        self._known[info.fingerprint] = info
        self._latest = info.fingerprint


def store(archive: Archive, code: ConverterCode, *, version: str, distribution: str | None) -> bool:
    """Store a converter's code unless it is stored; returns whether it is new. Durable once this returns; StorageError."""
    path = archive.blobs.named(_path(code.fingerprint, is_single=len(code.files) == 1))
    if (archive.root / path).exists():
        return False
    body = next(iter(code.files.values())) if len(code.files) == 1 else packed(code)
    metadata: dict[str, Any] = {
        "kind": "converter",
        "fingerprint": code.fingerprint,
        "main": code.main,
        "class": code.class_name,
        "version": version,
        "distribution": distribution,
    }

    def naming(content: Content) -> tuple[str, Label]:
        if (archive.root / path).exists():
            raise _AlreadyStored
        name = code.main if len(code.files) == 1 else f"{PurePosixPath(code.main).stem}.tar"
        complete = metadata | {"sha256": content.sha256, "size_bytes": content.size_bytes}
        return path, Label(original_name=PurePosixPath(name).name, mtime_s=0, metadata=complete)

    try:
        blob = archive.blobs.write(
            [body], folder=layout.CONVERTERS, draft=lambda: naming(_UNUSED)[1], naming=naming, level=_LEVEL
        )
    except _AlreadyStored:
        return False
    except OSError as exc:
        raise StorageError(f"{archive.root}: a converter's code cannot be kept ({exc.strerror or exc})") from exc
    archive.blobs.sync_name(blob)
    details = {"fingerprint": code.fingerprint, "blob": path, "checksum": blob.content.checksum, "version": version}
    archive.write(lambda tx: events.append(tx, Event(kind=_STORED, at=archive.now(), details=details)))
    return True


def load(archive: Archive, fingerprint: str) -> ConverterCode | None:
    """Return stored code, checked against its fingerprint; None if it is not stored. BlobDamaged names it."""
    for is_single in (True, False):
        path = archive.blobs.named(_path(fingerprint, is_single=is_single))
        try:
            metadata = archive.blobs.label(path).metadata
            body = b"".join(archive.blobs.read_checked(path, checksum_in(metadata)))
        except BlobMissing:
            continue
        files = {str(metadata["main"]): body} if is_single else unpacked(body, str(metadata["main"]))
        code = ConverterCode(files=files, class_name=str(metadata["class"]))
        if code.fingerprint != fingerprint:
            raise BlobDamaged(
                f"{archive.root / path}: contains other code than its name says; restore it from a backup"
            )
        return code
    return None


def on_record(archive: Archive, conversion: Conversion) -> str | None:
    """Return the fingerprint that the chained history has for a conversion's code; None if it has none.

    Each conversion of an entry has one event, in the order of their attempts. Does not check whether the chain is whole.
    """
    with archive.read() as db:
        of_entry = events.of_entry(db, conversion.archive_id)
    recorded = [event.details for event in of_entry if event.kind == "conversion.recorded"]
    if not 0 < conversion.attempt <= len(recorded):
        return None
    return str(recorded[conversion.attempt - 1].get("code_fingerprint") or "") or None


def check_all(archive: Archive) -> Iterator[tuple[str, str | None]]:
    """Stream the path of all stored code, with the problem of each, if any."""
    for path in archive.blobs.paths(layout.CONVERTERS):
        digest = PurePosixPath(path).name.partition(".")[0]
        try:
            load(archive, f"sha256:{digest}")
        except BlobLocked:
            yield path, archive.blobs.encrypted_fault(path)
        except (BlobDamaged, BlobMissing, OSError, KeyError, tarfile.TarError) as exc:
            yield path, str(exc)
        else:
            yield path, None


def recorded(archive: Archive) -> Iterator[str]:
    """Yield the path of all code that the history says is stored; it is never removed."""
    with archive.read() as db:
        for event in events.without_archive_id(db, _STORED):
            if path := event.details.get("blob"):
                yield str(path)


def lay_out(code: ConverterCode, folder: Path) -> Path:
    """Write code into an empty folder; returns the defining file. No name leads out of the folder."""
    for name, content in code.files.items():
        target = folder.joinpath(*PurePosixPath(name).parts)
        if not target.resolve().is_relative_to(folder.resolve()):
            raise BlobDamaged(f"a converter's code holds the name {name!r}, which leads elsewhere; none of it is run")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder.joinpath(*PurePosixPath(code.main).parts)


class _AlreadyStored(Exception):
    """Another thread stored it meanwhile."""


_UNUSED = Content(sha256="0" * 64, size_bytes=10**9)


def _path(fingerprint: str, *, is_single: bool) -> str:
    digest = fingerprint.partition(":")[2]
    return f"{layout.CONVERTERS}/{digest}.{'py' if is_single else 'tar'}.gz"


def packed(code: ConverterCode) -> bytes:
    """Pack the files of code as a tar; the same code always makes the same bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(code.files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def unpacked(body: bytes, main: str) -> dict[str, bytes]:
    """Return the files of a tar, the one named ``main`` first; TarError if it is damaged."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                files[member.name] = stream.read()
    return {main: files.pop(main, b""), **files}


def _read(info: ConverterInfo) -> ConverterCode | None:
    files = {name: Path(path).read_bytes() for name, path in info.code_files}
    return ConverterCode(files=files, class_name=info.class_name) if files else None
