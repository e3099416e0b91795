"""The client as a program uses it: what it opens, whom its history names, which entries it streams."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import filled

from pywats_archive import AsyncClient, Client, ConversionStatus, EntryFilter, SortKey, UsageError
from pywats_archive.archive.core import Archive
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.portable.user import current_actor


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with eight entries or so, all of today."""
    filled.fill(tmp_path, files=5)
    return tmp_path / "archive"


def test_one_archive_or_several_as_text_or_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder needs no list, a relative one is from the current folder, and one named twice is opened once."""
    monkeypatch.chdir(root.parent)
    for named in ("archive", root, str(root), ["archive"], (root, "archive")):
        with Client(named) as client:
            assert client.roots == (root,)
            assert client.find().total > 5


def test_the_user_is_the_actor_unless_another_is_named(root: Path, tmp_path: Path) -> None:
    """Restores and holds are recorded under the user's own name, or the one that the program gives (invariant 8)."""
    with Client(root) as client:
        first, second, *_ = (entry.archive_id for entry in client.entries(EntryFilter(serial_number="SN*")))
        client.restore([first], tmp_path / "out")
        client.retention.hold([first], "complaint")
        client.retention.hold([second], "complaint", actor="quality")
        assert {hold.archive_id: hold.held_by for hold in client.retention.holds()} == {
            first: current_actor(),
            second: "quality",
        }
        (restored,) = (event for event in client.details(first).events if event.kind == "source.restored")
        assert restored.actor == current_actor()
    with Client(root, actor="nightly check") as client:
        client.retention.release([first])
        assert client.details(first).events[-1].actor == "nightly check"
    with pytest.raises(UsageError, match="actor = ''"):
        Client(root, actor="")


def test_entries_are_streamed_over_all_pages_and_from_a_position(root: Path) -> None:
    """Whatever the sort and the size of a page, the pages together are the stream, and a position continues it."""
    with Client(root) as client:
        for sort in SortKey:
            wanted = EntryFilter(sort=sort)
            every = [entry.archive_id for entry in client.entries(wanted)]
            pages = list(client.pages(wanted, limit=2))
            assert [entry.archive_id for page in pages for entry in page.items] == every
            assert len(pages) > 3 and pages[-1].next is None
            assert [entry.archive_id for entry in client.entries(wanted, after=pages[1].next)] == every[4:]


def test_a_filter_takes_dates_and_words(root: Path) -> None:
    """A date as an end is all of that day, a moment without a zone is local time, and a choice is its member or its word."""
    today = date.today()
    with Client(root) as client:
        total = client.find().total
        for matching in (
            {"from_date": today - timedelta(days=1), "to_date": today + timedelta(days=1)},
            {"from_date": datetime.now() - timedelta(hours=1), "to_date": datetime.now() + timedelta(hours=1)},
        ):
            assert client.find(EntryFilter(**matching)).total == total
        assert client.find(EntryFilter(to_date=today - timedelta(days=2))).total == 0
        succeeded = client.find(EntryFilter(status=ConversionStatus.SUCCESS)).total
        words: dict[str, Any] = {"status": "success", "sort": "SERIAL"}
        assert client.find(EntryFilter(**words)).total == succeeded > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("from_date", "2026-02-13"), ("status", "done"), ("serial_number", 7), ("purged", "no"), ("sort", "name")],
)
def test_a_filter_that_cannot_be_is_one_error_that_names_the_field(root: Path, field: str, value: object) -> None:
    """A wrong value is refused; it does not silently match nothing."""
    wrong: dict[str, Any] = {field: value}
    with Client(root) as client, pytest.raises(UsageError, match=f"{field} = "):
        client.find(EntryFilter(**wrong))
    with Client(root) as client, pytest.raises(UsageError, match="wanted = "):
        client.find("failed")  # type: ignore[arg-type]


def test_the_awaitable_client_answers_as_the_other_one(root: Path, tmp_path: Path) -> None:
    """Values, streams and the history are the same; before ``async with`` there is one error."""

    async def ask() -> None:
        shut = AsyncClient(root)
        with pytest.raises(UsageError, match="async with"):
            await shut.find()
        async with AsyncClient(root, actor="kim") as client:
            with Client(root) as plain:
                assert await client.find(limit=3) == plain.find(limit=3)
                assert [entry async for entry in client.entries()] == list(plain.entries())
                assert await client.get_archive_entries(limit=2) == list(plain.find(limit=2).items)
                assert (await client.get_archive_statistics()).total_entries == plain.statistics().total_entries
                assert [each async for each in client.verify()] == list(plain.verify())
                assert await client.retention.policies() == plain.retention.policies()
                (archive_id,) = [entry.archive_id for entry in (await client.find(limit=1)).items]
                await client.retention.hold([archive_id], "complaint")
                assert plain.retention.holds()[0].held_by == "kim"
        with pytest.raises(UsageError, match="from_config"):
            async with AsyncClient([root]) as client:
                await client.replay([archive_id])

    asyncio.run(ask())


def test_a_policy_makes_its_converter_known(root: Path) -> None:
    """A rebuild keeps everything of each converter that had a policy: it can be set again, before anything came."""
    with Client(root) as client:
        before = client.converters()
    with Archive.open(root) as archive:
        for name in ("NEW", "*"):
            archive.policies.set(RetentionPolicy(converter_name=name, retention_days=10), actor="it", confirmed=True)
    with Client(root) as client:
        assert client.converters() == tuple(sorted({*before, "NEW"}))
