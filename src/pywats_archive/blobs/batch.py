"""A blob, and several new blobs whose bytes become durable together before any of them has its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from pywats_archive.blobs.durable import DurableFiles, Name
from pywats_archive.blobs.flusher import Flusher
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.reserve import Reserve
from pywats_archive.blobs.temporary import TemporaryFile
from pywats_archive.blobs.writing import Writing


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """One published blob; ``path`` is relative to the archive, with forward slashes."""

    path: str
    content: Content
    compressed_size_bytes: int
    disk_size_bytes: int
    """Space that the file system allocates for it."""
    name: Name


Naming = Callable[[Content], tuple[str, Label]]
"""Returns a blob's path and label once its content is known; called again if the path is taken."""

UNKNOWN = Content(sha256="0" * 64, size_bytes=10**15)
"""A placeholder for a content that is not known yet, as long as a real one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A blob that is written under a temporary name, and not durable yet."""

    file: TemporaryFile
    path: str
    content: Content


class BlobBatch:
    """New blobs of one thread; a context manager that removes in the end whatever has no name."""

    def __init__(self, files: DurableFiles, reserve: Reserve, flusher: Flusher, named: Callable[[str], str]) -> None:
        self._files = files
        self._reserve = reserve
        self._flusher = flusher
        self._named = named
        self._stack = ExitStack()
        self._prepared: list[Prepared] = []

    def __enter__(self) -> BlobBatch:
        self._flush = self._stack.enter_context(self._flusher.opened())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def unwritten_bytes(self) -> int:
        """Bytes that the disk has still to write."""
        return sum(each.file.length for each in self._prepared)

    def prepare(
        self, chunks: Iterable[bytes], *, folder: str, draft: Callable[[], Label], naming: Naming, level: int
    ) -> None:
        """Compress ``chunks`` into a new file without a name; the arguments and errors are those of ``BlobStore.write``."""
        self._reserve.require()
        with self._reserve.guarding(), ExitStack() as removing:
            file = removing.enter_context(self._files.temporary(folder))
            writing = Writing(file, draft)
            sha256, size = writing.compress(chunks, level)
            content = Content(sha256=sha256, size_bytes=size)
            path, label = naming(content)
            file.complete(writing.header(label), is_reserved=writing.is_reserved)
            self._stack.enter_context(removing.pop_all())
        self._prepared.append(Prepared(file=file, path=self._named(path), content=content))

    def finish(self) -> list[Blob | Exception]:
        """Make the bytes of all blobs durable, then publish them; returns each blob or its own error, in their order.

        A name is durable after ``BlobStore.sync_name``; the first of a folder serves all.
        """
        trouble = self._flush([each.file for each in self._prepared])
        return [self._published(each, error) for each, error in zip(self._prepared, trouble, strict=True)]

    def _published(self, prepared: Prepared, trouble: OSError | None) -> Blob | Exception:
        try:
            with self._reserve.guarding():
                if trouble:
                    raise trouble
                sealed = prepared.file.close()
                name = self._files.publish(prepared.file, prepared.path)
        except Exception as exc:
            return exc
        return Blob(
            path=prepared.path,
            content=prepared.content,
            compressed_size_bytes=sealed.size_bytes,
            disk_size_bytes=sealed.allotted_bytes,
            name=name,
        )
