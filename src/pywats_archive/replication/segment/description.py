"""What a segment says about itself: ``segment.json``, its last member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pywats_archive.errors import SegmentDamaged

FORMAT = 1
_MOMENTS = ("begun_at", "ended_at", "made_at")
_NUMBERS = ("first", "last", "entries", "entry_no", "report_no", "blobs")
_TEXTS = ("archive_uuid", "station", "chain", "previous_hash", "hash", "tables", "software")
_MAPPINGS = ("large", "absent", "archive")
_OF_REPAIRS = ("repairs", "repairs_sha256")
NAME, ROWS = "segment.json", "rows.jsonl.gz"


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentDescription:
    """The description of a segment."""

    format: int = FORMAT
    archive_uuid: str
    station: str
    """The name of the computer that made it."""
    chain: str
    """The name of the history: the first 12 hex digits of the hash of the event that began it."""
    first: int
    last: int
    """The numbers of its first and last event."""
    begun_at: datetime
    ended_at: datetime
    """The times of its first and last event."""
    previous_hash: str
    hash: str
    """The hashes of the event before the first one, and of the last one."""
    previous_segment: str | None
    """The SHA-256 of the segment before; None in the first one, or if nobody knows it."""
    entries: int
    """How many entries were archived in it."""
    entry_no: int
    report_no: int
    """The greatest numbers of an entry and of a report so far."""
    blobs: int
    """How many blobs it holds."""
    large: Mapping[str, str] = field(default_factory=dict)
    """Blobs that are objects of their own: their path in the archive, and the SHA-256 of the blob."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Blobs that were not in the archive any more, or damaged, and why."""
    archive: Mapping[str, Any] = field(default_factory=dict)
    """``archive.json``."""
    tables: str
    """The version of the tables that the rows are from."""
    made_at: datetime
    software: str
    repairs: str | None = None
    """Of a repair: the key of the segment whose place it takes. A segment has no such member."""
    repairs_sha256: str | None = None
    """Of a repair: the SHA-256 that this segment had when it was stored; None if nobody knows it."""

    def to_json(self) -> bytes:
        """Write it as ``segment.json``."""
        moments = {name: getattr(self, name).isoformat() for name in _MOMENTS}
        members = {**asdict(self), **moments}
        if self.repairs is None:
            members = {name: value for name, value in members.items() if name not in _OF_REPAIRS}
        return (json.dumps(members, indent=1) + "\n").encode("ascii")


def parse(content: bytes, where: str) -> SegmentDescription:
    """Read ``segment.json``; SegmentDamaged if it is none. Members that this version does not know are ignored."""
    try:
        known = json.loads(content)
        if known["format"] > FORMAT:
            raise SegmentDamaged(f"{where}: format {known['format']} is newer than {FORMAT}; update pywats-archive")
        fields = {name: known[name] for name in SegmentDescription.__slots__ if name not in _OF_REPAIRS}
        fields |= {name: known.get(name) for name in _OF_REPAIRS}
        moments = {name: datetime.fromisoformat(fields[name]) for name in _MOMENTS}
        _require_types(fields, moments)
        return SegmentDescription(**{**fields, **moments})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise SegmentDamaged(f"{where}: its {NAME} is not readable ({exc!r})") from exc


def _require_types(fields: Mapping[str, Any], moments: Mapping[str, datetime]) -> None:
    """Raise ValueError if a number, a text, a mapping or a time is none."""
    kinds = ((int, _NUMBERS), (str, _TEXTS), (dict, _MAPPINGS))
    wrong = [name for kind, known in kinds for name in known if type(fields[name]) is not kind]
    wrong += [name for name in ("large", "absent") if not all(isinstance(each, str) for each in fields[name].values())]
    wrong += [name for name in _OF_REPAIRS if not isinstance(fields[name], str | None)]
    wrong += [name for name, moment in moments.items() if moment.utcoffset() is None]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: of another type")
