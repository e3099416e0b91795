"""The result of a segment in the vault: created once, so a segment that was replayed twice counts once."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pywats_archive.archive.results.runs import item_as_json, item_of
from pywats_archive.errors import KeyTaken, VaultError
from pywats_archive.models.operation.replay import ItemResult
from pywats_archive.plant.replaying.records import keys
from pywats_archive.redaction import redacted_json
from pywats_archive.vault.store import Vault

_dump = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentResult:
    """The outcome of each entry of a segment."""

    segment: str
    station: str
    archive_uuid: str
    seconds: float
    """How long it took."""
    items: Sequence[ItemResult]


def store(vault: Vault, run: str, result: SegmentResult) -> bool:
    """Store a result durably; False if the segment has one already, which stays."""
    head = {
        "segment": result.segment,
        "station": result.station,
        "archive_uuid": result.archive_uuid,
        "seconds": round(result.seconds, 3),
    }
    rows = ([each.archive_id, each.state.value, item_as_json(each)] for each in result.items)
    text = "".join(redacted_json(each, _dump) + "\n" for each in (head, *rows))
    try:
        vault.put_new(keys.result_key(run, result.segment), gzip.compress(text.encode(), mtime=0))
    except KeyTaken:
        return False
    return True


def stored(vault: Vault, run: str, archive_uuid: str | None = None) -> Iterator[SegmentResult]:
    """Stream the results of a replay, of all archives or of one; VaultError if one is damaged."""
    for each in vault.keys(keys.results_folder(run, archive_uuid)):
        try:
            head, *rows = map(json.loads, gzip.decompress(vault.get(each.key)).splitlines())
            yield SegmentResult(**head, items=[item_of(*row) for row in rows])
        except (ValueError, OSError, EOFError, zlib.error, KeyError, TypeError) as exc:
            raise VaultError(f"{vault.url}: {each.key} is damaged ({exc!r})") from exc
