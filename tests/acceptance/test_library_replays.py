"""Replays from a program, at a station with two archives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive import AsyncClient, Client, EntryFilter, ReplayMode, ReplayRequest, RunState, UsageError
from pywats_archive.portable.user import current_actor


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose converters ICT and FCT have an archive each, with one entry."""
    with Station(tmp_path) as made:
        for name in ("ICT", "FCT"):
            (made.add(name, archive_folder=f"archive-{name}") / f"{name}.csv").write_text(name, encoding="utf-8")
        made.run()
        yield made


def test_a_replay_finds_the_archive_of_its_entries(station: Station) -> None:
    """The entries say which archive a run belongs to; those of two archives are refused before any record."""
    with Client.from_config(station.write_config()) as client:
        ids = {entry.converter_name: entry.archive_id for entry in client.entries()}
        with pytest.raises(UsageError, match="several archives"):
            client.replay(list(ids.values()))
        done = client.replay([ids["FCT"]], ReplayRequest(dry_run=True), processes=1)
        assert (done.processed, done.by_comparison) == (1, {"same": 1})
        assert client.estimate_replay([ids["FCT"]]) > timedelta()
        (run,) = client.runs(station.root / "archive-FCT")
        assert (run.run_id, run.actor, run.state) == (done.run_id, current_actor(), RunState.DONE)
        assert client.runs(str(station.root / "archive-ICT")) == ()
        with pytest.raises(UsageError, match="several archives"):
            client.runs()
        with pytest.raises(UsageError, match="nothing to replay"):
            client.replay([])


def test_the_analysis_method_finds_the_archive_of_its_converter(station: Station) -> None:
    """``reprocess_archives`` needs no archive if one archive alone has the converter's entries."""
    config, days = station.write_config(), (date.today() - timedelta(days=1), datetime.now())
    seen: list[tuple[int, int, str]] = []

    async def replay() -> None:
        async with AsyncClient.from_config(config, actor="nightly check") as client:
            done = await client.reprocess_archives(
                "ICT", *days, progress_callback=lambda *progress: seen.append(progress), mode=ReplayMode.ALL
            )
            root = station.root / "archive-ICT"
            assert (done.successful, [run.actor for run in await client.runs(root)]) == (1, ["nightly check"])
            (entry,) = [each async for each in client.entries(EntryFilter(converter_name="ICT"))]
            assert len((await client.details(entry.archive_id)).conversions) == 2
            (back,) = await client.roll_back_run(done.run_id, root)
            assert back.is_set_back and seen == [(1, 1, entry.archive_id)]

    asyncio.run(replay())
