"""What a blob is: its header says it, and for a blob with names of several entries, the name.

A file that is stored alone may be a companion of several entries, and a source too. Its header is that of the first entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pywats_archive.archive.folder import layout
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.ids import id_in, moment_of
from pywats_archive.portable.placing import last_part

SHAREABLE = "shareable"
"""Header key of a companions blob that several entries may name; ``archive_id`` is that of the first one."""
AS_SOURCE = ("original_path", "converter_name", "converter_version", "compression_level", "mtime_ns")
"""Keys that the header of a companion stored alone has, so that it can also be the header of a source."""
OWN_MTIME_NS = "own_mtime_ns"
"""Header key for a source's own time, where ``mtime_ns`` is only the nearest time that the catalog can hold."""

ORIGIN, OWN_TIME, PACKED_IN = "origin", "own_time", "packed_in"
"""Header keys of what was imported: ``IMPORTED``, the time of the source or its report, and the zip it was in."""
IMPORTED = "imported"


def is_imported(metadata: Mapping[str, Any]) -> bool:
    """Whether a header is that of an imported source or report."""
    return metadata.get(ORIGIN) == IMPORTED


def metadata_in_place(path: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header's metadata for the blob at ``path``; for a shared blob with the entry and kind of that name."""
    named, first = id_in(path), str(metadata.get("archive_id"))
    if named[:8] != first[:8] or not path.startswith(f"{layout.SOURCES}/"):
        return dict(metadata)
    is_shareable = metadata.get(SHAREABLE) is True and metadata.get("kind") == "companions"
    if layout.is_companions(path):
        if is_shareable:
            return {**metadata, "archive_id": named}
        return _as_companion(named, metadata) if _is_lent(path, metadata) else dict(metadata)
    if is_shareable and all(key in metadata for key in AS_SOURCE):
        return _as_source(named, metadata)
    return dict(metadata)


def is_shared_source(path: str, metadata: Mapping[str, Any]) -> bool:
    """Whether the name of the blob at ``path`` is a source's, though it was stored as a companion."""
    return metadata.get("kind") == "companions" and metadata_in_place(path, metadata)["kind"] == "source"


def _is_lent(path: str, metadata: Mapping[str, Any]) -> bool:
    is_file = metadata.get("kind") == "source" and metadata.get("source_kind") == SourceKind.FILE.value
    return is_file and layout.is_one_companion(path)


def _as_companion(archive_id: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    name = last_part(metadata["original_path"])
    return {**metadata, "kind": "companions", "archive_id": archive_id, "name": name, "found_by": "opened"}


def _as_source(archive_id: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **metadata,
        "kind": "source",
        "archive_id": archive_id,
        "source_kind": SourceKind.FILE.value,
        "archived_at": moment_of(archive_id).isoformat(),
    }
