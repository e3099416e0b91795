"""The record of an entry in a bag, read as the values it was written from; an invalid record is refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timezone
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pywats_archive.archive.imported.bagged import FromBag, Present
from pywats_archive.client.importing.bag.checking import CheckedBag
from pywats_archive.errors import BagRefused
from pywats_archive.models.bag.record import BaggedEntry, BaggedFile
from pywats_archive.models.entry import Companion
from pywats_archive.models.ids import is_archive_id, moment_of
from pywats_archive.models.time import storable_ns

MOST_BYTES = 64_000_000
"""A longer record is refused: it is held in memory."""
_TOO_GREAT = 2**63
"""SQLite's integers have 64 bits."""
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
_UUID = re.compile(r"[0-9a-f-]{36}")


def read(bag: CheckedBag, path: str) -> FromBag:
    """Read the record at ``path`` with the files that it names; BagRefused if they do not fit together."""
    body = b"".join(_bounded(bag, path))
    if hashlib.sha256(body).hexdigest() != bag.sha256(path):
        raise BagRefused(
            f"{bag.path}: {path} was changed after it was checked; check what wrote it, and import the bag again"
        )
    try:
        record = _record(json.loads(body))
        _require_sound(record)
        return _with_files(bag, record, body)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as exc:
        raise BagRefused(f"{bag.path}: {path} is no record of an entry ({_short(exc)}); nothing is imported") from exc


def _bounded(bag: CheckedBag, path: str) -> Iterator[bytes]:
    size = 0
    for piece in bag.files.chunks(path):
        size += len(piece)
        if size > MOST_BYTES:
            raise BagRefused(f"{bag.path}: {path} has more than {MOST_BYTES // 1_000_000} MB; nothing is imported")
        yield piece


def _record(fields: Any) -> BaggedEntry:
    """Return the values in a record; texts that are no proper Unicode are possible in paths alone."""
    record: BaggedEntry = _reader().validate_python(_proper(fields))
    own = [str(each["name"]) for each in fields["entry"]["companions"]]
    pairs = zip(record.entry.companions, own, strict=True)
    entry = replace(
        record.entry,
        source_original_path=str(fields["entry"]["source_original_path"]),
        companions=tuple(replace(each, name=name) for each, name in pairs),
    )
    originals = zip(record.files, (str(each["original"]) for each in fields["files"]), strict=True)
    return replace(record, entry=entry, files=tuple(replace(each, original=own) for each, own in originals))


@cache
def _reader() -> TypeAdapter[BaggedEntry]:
    return TypeAdapter(BaggedEntry)


def _proper(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_proper(key): _proper(each) for key, each in value.items()}
    return [_proper(each) for each in value] if isinstance(value, list) else value


def _require_sound(record: BaggedEntry) -> None:
    entry = record.entry
    if not is_archive_id(entry.archive_id) or _UUID.fullmatch(record.archive_uuid) is None:
        raise ValueError("its ids are none")
    moment_of(entry.archive_id)
    checksums = [entry.source_checksum, *(c.checksum for c in entry.companions), *(r.checksum for r in record.reports)]
    if any(_CHECKSUM.fullmatch(each) is None for each in checksums if each) or not 1 <= entry.compression_level <= 9:
        raise ValueError("its checksums are none")
    ids = {*(each.archive_id for each in record.conversions), *(each.archive_id for each in record.reports)}
    if ids - {entry.archive_id}:
        raise ValueError("it has rows of other entries")
    if storable_ns(entry.source_mtime_ns) != entry.source_mtime_ns or "\0" in entry.source_original_path:
        raise ValueError("its time or path is none")
    if len({each.attempt for each in record.conversions}) != len(record.conversions):
        raise ValueError("it has two conversions of one number")
    if any(abs(each) >= _TOO_GREAT for each in _numbers(record)):
        raise ValueError("a number is too great")
    if any(each is not None and not _is_moment(each) for each in _moments(record)):
        raise ValueError("its times are none")
    if any(_leads_out(each.name) for each in entry.companions):
        raise ValueError("a companion lies elsewhere")


def _numbers(record: BaggedEntry) -> Iterator[int]:
    rows: list[Any] = [record.entry, *record.entry.companions, *record.conversions, *record.reports]
    for row in rows:
        yield from (value for each in fields(row) if isinstance(value := getattr(row, each.name), int))


def _moments(record: BaggedEntry) -> Iterator[datetime | None]:
    entry = record.entry
    yield from (entry.conversion_timestamp, entry.created_at, entry.held_at)
    yield from (each.started_at for each in record.conversions)
    yield from (each.accepted_at for each in record.reports)


def _is_moment(moment: datetime) -> bool:
    """Whether a time has an offset from UTC, and can be written in UTC; OverflowError if that is before year 1."""
    return moment.tzinfo is not None and bool(moment.astimezone(timezone.utc))


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\0" in name or ".." in name.split("/")


def _with_files(bag: CheckedBag, record: BaggedEntry, body: bytes) -> FromBag:
    present = [_present(bag, each) for each in record.files if each.path is not None]
    sources = [each for each in present if each.file.kind == "source"]
    if sources and (len(sources) > 1 or sources[0].checksum != record.entry.source_checksum):
        raise ValueError("its source has another checksum")
    if sources:
        _require_size(sources[0], record.entry.source_size_bytes)
    if sources and sources[0].file.sha256[:6] != record.entry.archive_id[-6:]:
        raise ValueError("its id is not that of its source")
    return FromBag(
        record=record,
        body=body,
        source=sources[0] if sources else None,
        companions=tuple(_companions(record.entry.companions, present)),
        documents=tuple(_documents(record, present)),
    )


def _present(bag: CheckedBag, file: BaggedFile) -> Present:
    path = str(file.path)
    if (bag.sha256(path), bag.size_bytes(path)) != (file.sha256, file.size_bytes):
        raise ValueError(f"{path[:80]!a} is not in the manifest as the record has it")
    return Present(file=file, chunks=lambda: bag.files.chunks(path))


def _companions(companions: tuple[Companion, ...], present: list[Present]) -> Iterator[tuple[Companion, Present]]:
    files = {(each.file.original, each.checksum): each for each in present if each.file.kind == "companion"}
    for companion in companions:
        if found := files.get((companion.name, companion.checksum)):
            _require_size(found, companion.size_bytes)
            yield companion, found


def _documents(record: BaggedEntry, present: list[Present]) -> Iterator[Present | None]:
    left = [each for each in present if each.file.kind == "report"]
    for report in record.reports:
        key = (report.report_id, report.checksum)
        found = next((each for each in left if (each.file.original, each.checksum) == key), None)
        if found:
            _require_size(found, report.size_bytes)
            left.remove(found)
        yield found


def _require_size(present: Present, size_bytes: int) -> None:
    if present.file.size_bytes != size_bytes:
        raise ValueError(f"{present.file.original[:80]!a} has another size")


def _short(exc: Exception) -> str:
    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return str(exc)[:200]
