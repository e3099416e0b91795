"""The archive as a library: what the analysis names, used as docs/reference/python.md shows it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pywats_archive import ArchiveStorage, Client
from pywats_archive.errors import ArchiveInUse, UnknownConverter, UnknownEntry, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter


async def archive_one(root: Path, source: Path) -> str:
    with ArchiveStorage(root) as storage:
        archive_id = await storage.archive_source(source, "My converter", {"arguments": {"limit": 5}})
        await storage.update_conversion_metadata(archive_id, ConversionStatus.SUCCESS, duration_ms=12)
        await storage.archive_report({"type": "T", "sn": "SN1", "pn": "P1"}, archive_id)
        today = date.today()
        (entry,) = await storage.get_archives(today - timedelta(days=1), today, "My converter")
        assert entry.archive_id == archive_id and entry.conversion_duration_ms == 12
        back = await storage.restore_source(archive_id, root.parent / "back")
        assert back.read_bytes() == source.read_bytes() and back.name == source.name
    return archive_id


def test_a_program_of_ones_own_archives_and_finds(tmp_path: Path) -> None:
    """What a program archives by itself is found by the client, and the counts agree (invariants 1, 12)."""
    (tmp_path / "a.csv").write_bytes(b"1;2;3\n" * 100)
    archive_id = asyncio.run(archive_one(tmp_path / "archive", tmp_path / "a.csv"))
    with Client([tmp_path / "archive"]) as client:
        entries = asyncio.run(client.get_archive_entries(converter_name="My converter"))
        figures = asyncio.run(client.get_archive_statistics("My converter"))
        assert [entry.archive_id for entry in entries] == [archive_id]
        assert figures.total_entries == 1
        assert client.status().agrees
        assert client.where_is("SN1").entries[0].archive_id == archive_id


def test_one_owner_and_known_entries_only(tmp_path: Path) -> None:
    """A second owner is refused, and so is a report of an entry that is not there."""
    with ArchiveStorage(tmp_path / "archive") as storage:
        with pytest.raises(ArchiveInUse):
            ArchiveStorage(tmp_path / "archive")
        with pytest.raises(UnknownEntry):
            asyncio.run(storage.archive_report({"type": "T"}, "20260213143022123_a3f2d9"))


Call = Callable[[Any, str], Awaitable[Any]]
TODAY = date(2026, 2, 13)
WRONG: dict[str, tuple[Call, str]] = {
    "status": (lambda s, i: s.update_conversion_metadata(i, "done"), "status = 'done': must be one of PENDING"),
    "status type": (lambda s, i: s.update_conversion_metadata(i, 7), "status = 7: must be one of"),
    "status list": (lambda s, i: s.update_conversion_metadata(i, ["FAILED"]), "status = "),
    "duration": (lambda s, i: s.update_conversion_metadata(i, "FAILED", duration_ms=10**30), "duration_ms = 1000"),
    "negative": (lambda s, i: s.update_conversion_metadata(i, "FAILED", duration_ms=-1), "duration_ms = -1: must be"),
    "endless": (lambda s, i: s.update_conversion_metadata(i, "FAILED", duration_ms=math.inf), "duration_ms = inf"),
    "text": (lambda s, i: s.update_conversion_metadata(i, "FAILED", duration_ms="12"), "duration_ms = '12'"),
    "error": (lambda s, i: s.update_conversion_metadata(i, "FAILED", ValueError("x")), "error = ValueError"),
    "no report": (lambda s, i: s.archive_report([1], i), "report = "),
    "no JSON": (lambda s, i: s.archive_report(b"not JSON", i), "report = b'not JSON': must be a JSON object"),
    "no object": (lambda s, i: s.archive_report(b"[1]", i), "report = b'[1]': must be a JSON object"),
    "not finite": (lambda s, i: s.archive_report({"x": math.nan}, i), "report = "),
    "no text": (lambda s, i: s.archive_report({"sn": "\ud800"}, i), "report = "),
    "long id": (lambda s, i: s.archive_report({"id": "x" * 66_000}, i), "its id has 66,000 characters"),
    "path": (lambda s, i: s.archive_source(7, "c"), "source_path = 7: must be a path"),
    "NUL": (lambda s, i: s.archive_source("a\0b", "c"), "source_path = "),
    "converter": (lambda s, i: s.archive_source(__file__, None), "converter_name = None: must be a text"),
    "long name": (lambda s, i: s.archive_source(__file__, "c" * 70_000), "converter_name = "),
    "version": (
        lambda s, i: s.archive_source(__file__, "c", {"converter_version": "v" * 66_000}),
        "converter_version = ",
    ),
    "level": (
        lambda s, i: s.archive_source(__file__, "c", {"compression_level": "fast"}),
        "compression_level = 'fast'",
    ),
    "companions": (lambda s, i: s.archive_source(__file__, "c", {"companions": "*.txt"}), "companions = '*.txt'"),
    "arguments": (lambda s, i: s.archive_source(__file__, "c", {"arguments": {"x": object()}}), "arguments = "),
    "from": (lambda s, i: s.get_archives("2026-02-13", TODAY), "from_date = '2026-02-13': must be a date"),
    "to": (lambda s, i: s.get_archives(TODAY, 5), "to_date = 5: must be a date"),
    "folder": (lambda s, i: s.restore_source(i, None), "dest_folder = None: must be a path"),
    "policy": (lambda s, i: s.enforce_retention({"retention_days": 5}), "policy = "),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_that_cannot_be_is_one_error_that_names_it(tmp_path: Path, wrong: str) -> None:
    """Wrong types and impossible values are refused before anything is archived or recorded."""
    call, told = WRONG[wrong]
    (tmp_path / "a.csv").write_bytes(b"1")
    with ArchiveStorage(tmp_path / "archive") as storage:
        archive_id = asyncio.run(storage.archive_source(tmp_path / "a.csv", "c"))
        with pytest.raises(UsageError) as raised:
            asyncio.run(call(storage, archive_id))  # type: ignore[arg-type]
        assert told in str(raised.value) and len(str(raised.value)) < 400
        assert storage.archive.details(archive_id).conversions == () and storage.archive.find(EntryFilter()).total == 1


def test_a_client_refuses_what_cannot_be_asked(tmp_path: Path) -> None:
    """Its answers are to what was asked, or one error says what was wrong; the first and last day are days."""
    with ArchiveStorage(tmp_path / "archive") as storage:
        (tmp_path / "a.csv").write_bytes(b"1")
        archive_id = asyncio.run(storage.archive_source(tmp_path / "a.csv", "c"))
    with Client([tmp_path / "archive"]) as client:
        wrong: list[dict[str, Any]] = [
            {"limit": -1},
            {"limit": 2**64},
            {"offset": "1"},
            {"status": 1},
            {"from_date": "x"},
        ]
        for keywords in wrong:
            with pytest.raises(UsageError, match=f"{next(iter(keywords))} = "):
                asyncio.run(client.get_archive_entries(**keywords))
        with pytest.raises(UnknownConverter):
            asyncio.run(client.get_retention_policy(7))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="archive_ids = "):
            client.restore(archive_id, tmp_path, actor="a")
        with pytest.raises(UnknownEntry):
            client.details(7)  # type: ignore[arg-type]
        every = asyncio.run(client.get_archive_entries(from_date=date.min, to_date=date.max, status="pending"))
        assert [entry.archive_id for entry in every] == [archive_id]
        assert asyncio.run(client.get_archive_entries(from_date=datetime.min, to_date=datetime.max)) == every
    with pytest.raises(UsageError, match="archives = 5"):
        Client([5])  # type: ignore[list-item]
