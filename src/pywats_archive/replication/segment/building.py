"""Makes the bytes of a segment; the same parts always make the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from pywats_archive.replication.segment.description import NAME, ROWS, SegmentDescription

_TIME = (1980, 1, 1, 0, 0, 0)
"""The first time that a ZIP can have: the times of the blobs are in their own headers."""
_MODE = 0o400 << 16
_POSIX = 3


def build(members: Iterable[tuple[str, bytes]], rows: bytes, description: SegmentDescription) -> bytes:
    """Pack files under their paths in the archive, then the rows, then the description; nothing is compressed again."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as whole:
        for path, content in (*members, (ROWS, rows), (NAME, description.to_json())):
            member = zipfile.ZipInfo(path, _TIME)
            member.external_attr, member.create_system = _MODE, _POSIX
            whole.writestr(member, content)
    return stream.getvalue()
