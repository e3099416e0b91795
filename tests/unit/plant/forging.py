"""Segments as no station makes them, under the keys of real ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from pywats_archive.replication import names
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.segment.building import build
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import Vault

Row = dict[str, Any]


def keys_of(vault: Vault, archive_uuid: str) -> list[str]:
    """Return the keys of the segments of an archive."""
    return [each.key for each in vault.keys(archive_uuid) if "/segments/" in each.key]


def forge(
    vault: FolderVault, key: str, *, table: str = "", change: Callable[[Row], object] = dict.copy, **described: Any
) -> None:
    """Replace a segment by one in which the rows of a table were changed, or that says other things about itself."""
    whole = whole_segment(vault, key)
    known = [json.loads(line) for line in whole.rows()]
    for each in known:
        if each["table"] == table and "row" in each:
            change(each["row"])
    lines = b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in known)
    put(vault, key, gzip.compress(lines, 1), **described)


def copy(vault: FolderVault, key: str, number: int) -> str:
    """Copy a segment as the first one of another archive; returns its key."""
    archive_uuid = str(UUID(int=number))
    known = whole_segment(vault, key).description
    copied = names.segment_key(archive_uuid, known.chain, known.first)
    vault.put_new(copied, vault.get(key))
    archive = {**known.archive, "archive_uuid": archive_uuid}
    forge(vault, copied, archive_uuid=archive_uuid, archive=archive, station=f"copy {number}")
    return copied


def put(vault: FolderVault, key: str, rows: bytes, **described: Any) -> None:
    """Replace a segment by one with the same files, and other rows, compressed."""
    whole = whole_segment(vault, key)
    description = replace(whole.description, **described)
    path = Path(vault.url, key)
    path.chmod(0o600)
    path.write_bytes(build([(name, whole.read(name)) for name in whole.files], rows, description))
