"""The archive as a library: what the analysis names, used as README.md shows it."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest

from pywats_archive import ArchiveStorage, Client
from pywats_archive.errors import ArchiveInUse, UnknownEntry
from pywats_archive.models.entry import ConversionStatus


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
