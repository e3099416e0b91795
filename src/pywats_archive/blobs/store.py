"""Blobs by their path in the archive: written once with their checksum, given further names, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pywats_archive.blobs import place
from pywats_archive.blobs.batch import UNKNOWN as UNKNOWN  # noqa: PLC0414 (callers have both from here)
from pywats_archive.blobs.batch import Blob as Blob  # noqa: PLC0414
from pywats_archive.blobs.batch import BlobBatch, Naming
from pywats_archive.blobs.durable import DurableFiles, NewFile
from pywats_archive.blobs.flusher import Flusher
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import BlobReader, Content
from pywats_archive.blobs.reserve import Reserve
from pywats_archive.blobs.temporary import TemporaryFile, remove, remove_temporary
from pywats_archive.blobs.writing import Writing
from pywats_archive.errors import BlobDamaged, BlobLocked, BlobMissing, BlobOutside, StorageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import files

_MOST_SOUND = 10_000
"""How many shared blobs are remembered as read."""


class BlobStore(BlobReader):
    """All blobs of one archive: reads them, writes new ones, and removes them."""

    def __init__(
        self,
        root: Path,
        *,
        on_step: OnStep = no_step,
        require_root: Callable[[], None] = lambda: None,
        new_file: NewFile = TemporaryFile,
    ) -> None:
        super().__init__(root)
        self.files = DurableFiles(root, on_step=on_step, require_root=require_root, new_file=new_file)
        self.reserve = Reserve(self.files)
        self.flusher = Flusher(self.files.root, on_step)
        self.has_links = True
        """Whether a blob can have several names, as of the last try."""
        self._sound: set[str] = set()
        """Shared blobs that this process has read from end to end."""

    def write(
        self, chunks: Iterable[bytes], *, folder: str, draft: Callable[[], Label], naming: Naming, level: int
    ) -> Blob:
        """Compress ``chunks`` into a new blob and publish it; its bytes are durable, its name after ``sync_name``.

        ``draft`` returns the label with ``UNKNOWN`` content, which reserves space for the header if the content is long.
        Holds one chunk in memory, and up to a megabyte of its compressed form. DiskFull releases the reserve, and is raised
        until that is allocated again.
        """
        self.reserve.require()
        with self.reserve.guarding():
            return self._write(chunks, folder=folder, draft=draft, naming=naming, level=level)

    def batch(self) -> BlobBatch:
        """Return a batch of new blobs that become durable together."""
        return BlobBatch(self.files, self.reserve, self.flusher, self.named)

    def _write(
        self, chunks: Iterable[bytes], *, folder: str, draft: Callable[[], Label], naming: Naming, level: int
    ) -> Blob:
        with self.files.temporary(folder) as file:
            writing = Writing(file, draft)
            sha256, size = writing.compress(chunks, level)
            content = Content(sha256=sha256, size_bytes=size)
            while True:
                path, label = naming(content)
                path = self.named(path)
                sealed = file.seal(writing.header(label), is_reserved=writing.is_reserved)
                try:
                    name = self.files.publish(file, path)
                except FileExistsError:
                    continue
                return Blob(
                    path=path,
                    content=content,
                    compressed_size_bytes=sealed.size_bytes,
                    disk_size_bytes=sealed.allotted_bytes,
                    name=name,
                )

    def share(self, path: str, names: Iterator[str], *, checksum: str) -> Blob | None:
        """Add the first free one of ``names`` to a blob of this content, if possible; its bytes are freed with its last name.

        None if the file system cannot, or the blob is missing, damaged or has other content: it is read before it gets its
        first further name. The name is durable after ``sync_name``.
        """
        try:
            header = self.read_header(path)
            content = Content(sha256=header.label.metadata["sha256"], size_bytes=header.label.metadata["size_bytes"])
            if content.checksum != checksum:
                return None
            self._require_sound(path, checksum)
            for name in map(self.named, names):
                place.require_shape(name, self.root)
                with suppress(FileExistsError):
                    linked = self.files.link(path, name)
                    self.has_links = True
                    self._sound.add(name)
                    size = header.compressed_size_bytes
                    return Blob(path=name, content=content, compressed_size_bytes=size, disk_size_bytes=0, name=linked)
        except (BlobDamaged, BlobLocked, BlobMissing, KeyError):
            return None
        except OSError as exc:
            self.has_links = self.has_links and not files.says_no_links(exc)
            return None
        return None

    def _require_sound(self, path: str, checksum: str) -> None:
        if path in self._sound:
            return
        self.check(path, checksum)
        if len(self._sound) >= _MOST_SOUND:
            self._sound.clear()
        self._sound.add(path)

    def sync_name(self, blob: Blob) -> None:
        """Make a blob's name durable; must come before the commit of anything that relies on the blob."""
        try:
            with self.reserve.guarding():
                self.files.sync_name(blob.name)
        except OSError as exc:
            raise StorageError(f"{self.root / blob.path}: cannot be made durable ({exc.strerror or exc})") from exc

    def remove(self, path: str, *, of: str) -> None:
        """Remove a blob of the entry ``of``, once that is recorded; idempotent. BlobOutside if it is not one."""
        self._require_of(path, of)
        remove(self._place(path))

    def remove_if_empty(self, path: str) -> bool:
        """Remove an empty file, which reserved a name where there are no hard links; returns whether it was one."""
        whole = self._place(path)
        is_empty = whole.stat().st_size == 0
        if is_empty:
            remove(whole)
        return is_empty

    def remove_durably(self, paths: Sequence[str]) -> dict[str, OSError]:
        """Remove blobs durably, once that is recorded; idempotent. Returns those that cannot be removed, and why.

        BlobOutside comes before anything is removed; OSError if the removal cannot be made durable.
        """
        for folder in {place.require_shape(path, self.root) for path in paths}:
            place.require_no_link(self.root, folder)
        return self.files.remove_all(paths)

    def remove_empty(self, folder: str) -> None:
        """Remove a folder and its parents, as long as they are empty."""
        self.files.remove_empty(folder)

    def remove_temporary(self, folder: str, *, report: Callable[[Path], None], deep: bool = True) -> None:
        """Remove half-written files beneath ``folder``, or only in it; nothing if that is a link."""
        if not (folder and self._is_linked(folder)):
            remove_temporary(self.root / folder, report=report, deep=deep)

    def _require_of(self, path: str, archive_id: str) -> None:
        if not self.is_of(path, archive_id):
            raise BlobOutside(
                f"{self.root}: {path!r} is not the place of a blob of {archive_id}; nothing is removed there"
            )
