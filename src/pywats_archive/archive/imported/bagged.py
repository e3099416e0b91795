"""An entry of a bag during its import into an archive, and the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pywats_archive.archive.folder import layout
from pywats_archive.blobs.store import Blob
from pywats_archive.models.bag.record import BaggedEntry, BaggedFile
from pywats_archive.models.entry import Companion


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """A file that is in the bag."""

    file: BaggedFile
    chunks: Callable[[], Iterator[bytes]]

    @property
    def checksum(self) -> str:
        """Its checksum, with the name of the algorithm."""
        return f"sha256:{self.file.sha256}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FromBag:
    """One entry of a bag, with its files."""

    record: BaggedEntry
    body: bytes
    """The record, exactly as it is in the bag."""
    source: Present | None
    """None if the bag, or the archive that it comes from, has no bytes of the source."""
    companions: tuple[tuple[Companion, Present], ...]
    documents: tuple[Present | None, ...]
    """Of each report its document; None if the bag has none."""

    @property
    def archive_id(self) -> str:
        """Its id, which it keeps."""
        return self.record.entry.archive_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Bringing:
    """The actor of an import, and the bag."""

    bag: str
    actor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """The result of the import of one entry."""

    archive_id: str
    is_new: bool = False
    """False if the archive had it already."""
    reason: str | None = None
    """The reason why it was not imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A blob that holds a file of the bag."""

    path: str
    compressed_size_bytes: int
    disk_size_bytes: int
    checksum: str
    blob: Blob | None
    """None if an earlier, killed import wrote it."""

    @property
    def place(self) -> tuple[str, int, int]:
        """Its path and sizes."""
        return self.path, self.compressed_size_bytes, self.disk_size_bytes


@dataclass(kw_only=True, eq=False)
class Taken:
    """An entry whose blobs are written, and that has no row yet."""

    bagged: FromBag
    is_left: bool
    """Whether a recovery made a row of what a killed import left."""
    kept: list[Kept] = field(default_factory=list)
    source: Kept | None = None
    record: Kept | None = None
    companions: tuple[Companion, ...] = ()
    documents: tuple[Kept | None, ...] = ()

    @property
    def blobs(self) -> list[Blob]:
        """The blobs that were written now."""
        return [each.blob for each in self.kept if each.blob]

    @property
    def removable(self) -> list[Blob]:
        """Those to be removed if no row names them; a record that stays is used when the import is repeated."""
        return [each for each in self.blobs if not each.path.startswith(layout.ORIGINS)]
