"""A blob with other content under the id of an entry, with a header that fits."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.store import UNKNOWN, BlobStore


def forge(root: Path, path: Path) -> str:
    """Replace the blob of a source by one with other content; returns the statement that makes its row agree."""
    store, name = BlobStore(root), path.relative_to(root).as_posix()
    label = store.label(name)
    path.unlink()

    def forged(content: Content) -> Label:
        facts = {**label.metadata, "sha256": content.sha256, "size_bytes": content.size_bytes}
        return Label(original_name=label.original_name, mtime_s=label.mtime_s, metadata=facts)

    made = store.write(
        [b"forged"],
        folder=name.rpartition("/")[0],
        draft=lambda: forged(UNKNOWN),
        naming=lambda content: (name, forged(content)),
        level=6,
    )
    changes = f"source_checksum = '{made.content.checksum}', source_size_bytes = 6"
    size = f"compressed_size_bytes = {made.compressed_size_bytes}"
    return f"UPDATE archive_entries SET {changes}, {size} WHERE archive_id = '{path.name[:24]}'"
