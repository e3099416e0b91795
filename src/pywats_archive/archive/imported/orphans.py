"""What a killed import left: blobs without a row get one, before the import goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, locks, ownership
from pywats_archive.archive.repair.recover import adopt_imports
from pywats_archive.errors import ArchiveInUse, StorageError
from pywats_archive.portable import names

_LONGEST_RECOVERY_S = 600.0


@contextmanager
def importing(archive: Archive) -> Iterator[None]:
    """Be the only import inside the block, after what a killed one left is repaired; ArchiveInUse if one is running.

    A note stays in the archive until the block ends in order.
    """
    note = archive.root / layout.IMPORT_BEGUN
    with locks.only_import(archive.root):
        try:
            if note.exists():
                with locks.between_import_batches(archive.root, timeout_s=_LONGEST_RECOVERY_S):
                    adopt_imports(archive, since_s=note.stat().st_mtime)
                _remove_half_written(archive)
            note.touch(mode=0o600)
        except OSError as exc:
            raise StorageError(f"{archive.root}: no import can begin ({exc.strerror or exc})") from exc
        yield
        with suppress(OSError):
            names.unlink(note)


def _remove_half_written(archive: Archive) -> None:
    """Remove half-written files, unless they may be those of a service or a replay; its next start removes them then."""
    with suppress(ArchiveInUse), ownership.owning(archive.root), locks.nobody_replaying(archive.root):
        for top in (layout.SOURCES, layout.REPORTS):
            archive.blobs.remove_temporary(top, report=lambda path: None)
