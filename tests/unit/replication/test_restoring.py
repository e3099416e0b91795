"""Whatever a vault holds, the segments that are sound are restored, and the others are named."""

from __future__ import annotations

import dataclasses
import gzip
import io
import itertools
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.aged import Aged

from pywats_archive.archive import backups
from pywats_archive.archive.copies.making import Target, Wanted
from pywats_archive.archive.copies.place import in_archive
from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.errors import UsageError
from pywats_archive.replication import names
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

_HASH = "0" * 64
Row = dict[str, Any]


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def shipped(aged: Aged, vault: FolderVault, entries: int = 2) -> list[str]:
    """Ship an archive with some entries; gives the keys of the segments."""
    for _ in range(entries):
        aged.add(days_ago=30)
    return [each.key for each in Shipping(aged.archive, vault, limit_bytes=4000).ship_all()]


def line(table: str, key: str, row: Row) -> bytes:
    return json.dumps({"table": table, "key": key, "row": row}).encode() + b"\n"


def following(vault: FolderVault, like: str) -> tuple[SegmentDescription, bytes]:
    """Describe one more segment with one more event; gives the line of that event too."""
    known = whole_segment(vault, like).description
    number = known.last + 1
    event = {"sequence": number, "kind": "x", "at": known.ended_at.isoformat(), "actor": "a", "details": "{}"}
    text = line("events", str(number), {**event, "previous_hash": known.hash, "hash": _HASH})
    return dataclasses.replace(known, first=number, last=number, previous_hash=known.hash, hash=_HASH), text


def put(vault: FolderVault, described: SegmentDescription, *lines: bytes, number: int = 0) -> str:
    """Store a segment under the number of its first event, or another one; gives its key."""
    key = names.segment_key(described.archive_uuid, described.chain, number or described.first)
    vault.put_new(key, build([], gzip.compress(b"".join(lines)), described))
    return key


def replace(vault: FolderVault, key: str, content: bytes) -> None:
    Path(vault.url, key).unlink()
    vault.put_new(key, content)


def restored(vault: FolderVault, tmp_path: Path) -> tuple[int, str]:
    """Restore; gives the number of entries, and the problems and remarks as one text."""
    done = restore(vault, tmp_path / "again", actor="me")
    return done.entries, "\n".join((*done.problems, *done.remarks))


def test_a_segment_that_follows_is_restored(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """The segments of the tests below are left out for their own reasons."""
    described, event = following(vault, shipped(aged, vault)[-1])
    put(vault, described, event)
    done = restore(vault, tmp_path / "again", actor="me")
    assert (done.entries, done.events) == (2, described.last)


@pytest.mark.parametrize(
    "bad",
    [
        line("vault_segments", "1", {"vault": "x", "chain": "x", "first": 1, "last": 10**9}),
        line("archive_entries", "5", {"entry_no": 1, "archive_id": "x"}),
        line("archive_entries", "5", {"entry_no": [1]}),
        line("archive_entries", "5", {"entry_no": 5, "archive_id": 2**70}),
        line("events", "7", {"sequence": 1}),
        line("sqlite_master", "1", {"name": "x"}),
        b"no json\n",
        b"[]\n",
        b'{"key": 1}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_segment_with_a_line_that_no_archive_writes_adds_no_row(
    aged: Aged, vault: FolderVault, tmp_path: Path, bad: bytes
) -> None:
    """Not even the sound ones before it; it is named, and everything else is restored."""
    described, event = following(vault, shipped(aged, vault)[-1])
    key = put(vault, described, event, bad)
    entries, problems = restored(vault, tmp_path)
    assert entries == 2 and key in problems
    with closing(sqlite3.connect(tmp_path / "again" / "metadata.db")) as db:
        assert db.execute("SELECT count(*) FROM events WHERE hash = ?", (_HASH,)).fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM vault_segments WHERE vault = 'x'").fetchone() == (0,)


@pytest.mark.parametrize(
    "change",
    [
        {"previous_hash": _HASH},
        {"last": 10**9},
        {"hash": "1" * 64},
        {"archive_uuid": "../../x"},
        {"chain": "f" * 12},
        {"archive": {"archive_uuid": "../../x"}},
        {"first": "1"},
        {"entries": None},
        {"large": {"x": 1}},
        {"absent": ["x"]},
        {"made_at": None},
    ],
)
def test_a_segment_that_does_not_fit_is_left_out(
    aged: Aged, vault: FolderVault, tmp_path: Path, change: dict[str, Any]
) -> None:
    """Its key, its place in the history, its events and its description are checked."""
    described, event = following(vault, shipped(aged, vault)[-1])
    if "made_at" in change:
        change = {"made_at": described.made_at.replace(tzinfo=None)}
    key = names.segment_key(described.archive_uuid, described.chain, described.first)
    vault.put_new(key, build([], gzip.compress(event), dataclasses.replace(described, **change)))
    done = restore(vault, tmp_path / "again", actor="me")
    assert done.entries == 2 and done.events < described.first
    assert key in "".join(done.problems)
    assert json.loads((tmp_path / "again" / "archive.json").read_bytes())["archive_uuid"] == described.archive_uuid


def test_a_segment_under_another_number_is_left_out(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """It would be the newest one, and its rows would replace all others."""
    described, event = following(vault, shipped(aged, vault)[-1])
    key = put(vault, described, event, number=999_999_999_999)
    entries, problems = restored(vault, tmp_path)
    assert entries == 2 and key in problems


def test_a_damaged_newest_segment_does_not_stop_the_restore(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """The newest description that can be read is taken."""
    keys = shipped(aged, vault, entries=3)
    replace(vault, keys[-1], Path(vault.url, keys[-1]).read_bytes()[:-40])
    entries, problems = restored(vault, tmp_path)
    assert entries >= 2 and keys[-1] in problems


def test_a_lost_segment_does_not_stop_the_restore(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """Those after it are restored as well."""
    keys = shipped(aged, vault, entries=3)
    Path(vault.url, keys[1]).unlink()
    done = restore(vault, tmp_path / "again", actor="me")
    assert done.segments == len(keys) - 1 and any("broken" in each for each in done.problems)


def packed(pack: Callable[[zipfile.ZipFile], None], like: bytes) -> bytes:
    """Add members to the end of a segment."""
    stream = io.BytesIO(like)
    with zipfile.ZipFile(stream, "a") as whole:
        pack(whole)
    return stream.getvalue()


def test_a_segment_that_would_be_larger_than_it_is_itself_is_refused(
    aged: Aged, vault: FolderVault, tmp_path: Path
) -> None:
    """A few bytes that unpack to many would fill the memory."""
    key = shipped(aged, vault)[-1]
    bomb = packed(
        lambda whole: whole.writestr("timestamps/bomb", bytes(3_000_000), zipfile.ZIP_DEFLATED),
        Path(vault.url, key).read_bytes(),
    )
    replace(vault, key, bomb)
    _, problems = restored(vault, tmp_path)
    assert f"{key}: is not a segment" in problems
    assert not list((tmp_path / "again").rglob("bomb"))


def test_a_line_without_an_end_is_refused(
    aged: Aged, vault: FolderVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read into memory."""
    described, event = following(vault, shipped(aged, vault)[-1])
    put(vault, described, event, bytes(3_000_000))
    monkeypatch.setattr("pywats_archive.replication.segment.reading._MOST_BYTES", 1_000_000)
    _, problems = restored(vault, tmp_path)
    assert "a line of its rows is larger" in problems


@pytest.mark.parametrize(
    "path",
    ["timestamps/" + "x" * 300, "timestamps/\0", "timestamps/a\ud800", "public-key-/a.pem", "timestamps/C:x", "../x"],
)
@pytest.mark.parametrize("where", ["large", "absent"])
def test_a_name_that_no_file_can_have_is_named(
    aged: Aged, vault: FolderVault, tmp_path: Path, path: str, where: str
) -> None:
    """The other files are restored."""
    described, event = following(vault, shipped(aged, vault)[-1])
    named: dict[str, Any] = {where: {path: _HASH}}
    put(vault, dataclasses.replace(described, **named), event)
    done = restore(vault, tmp_path / "again", actor="me")
    assert (done.entries, done.files) == (2, 4)


def test_a_source_that_is_in_no_segment_is_named(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """Unless its entry was purged."""
    keys = shipped(aged, vault)
    for key in keys:
        segment = whole_segment(vault, key)
        members = [(path, segment.read(path)) for path in segment.files if not path.startswith("sources/")]
        replace(vault, key, build(members, segment.read("rows.jsonl.gz"), segment.description))
    done = restore(vault, tmp_path / "again", actor="me")
    assert sum("is not in the vault" in each for each in done.problems) == 2


@pytest.mark.parametrize("with_copy", [True, False])
def test_a_history_that_is_not_complete_yet_is_not_taken(
    aged: Aged, vault: FolderVault, tmp_path: Path, with_copy: bool
) -> None:
    """A station dies while it ships the catalog that a rebuild made: the history before has everything, and is restored."""
    shipped(aged, vault, entries=5)
    if with_copy:
        wanted = Wanted(archive_uuid=aged.archive.description.archive_uuid, at=aged.now)
        backups.copy_into([Target(place=in_archive(aged.archive.root))], aged.archive, wanted)
    aged.archive.close()
    aged.now += timedelta(days=1)
    rebuild(tmp_path / "archive", Rebuilding(clock=lambda: aged.now))
    aged.open()
    shipping = Shipping(aged.archive, vault, limit_bytes=4000)
    assert len(list(itertools.islice(shipping.ship_all(), 1))) == 1
    done = restore(vault, tmp_path / "again", actor="me")
    assert (done.entries, done.problems) == (5, ())
    assert with_copy is False or "is another history of this archive" in done.remarks[0]
    list(shipping.ship_all())
    newer = aged.add()
    list(shipping.ship_all())
    done = restore(vault, tmp_path / "whole", actor="me")
    assert done.entries == 6 and (tmp_path / "whole" / newer.source_archived_path).exists()
    assert [each.count("is another history") for each in done.remarks] == [1]


def test_a_history_that_has_not_the_event_of_its_name_is_not_taken(
    aged: Aged, vault: FolderVault, tmp_path: Path
) -> None:
    """However new it says that it is; it is named."""
    segment = whole_segment(vault, shipped(aged, vault)[0])
    later = segment.description.made_at + timedelta(days=900)
    put(vault, dataclasses.replace(segment.description, chain="f" * 12, made_at=later), *segment.rows())
    done = restore(vault, tmp_path / "again", actor="me")
    assert (done.files, done.problems) == (4, ())
    assert "f" * 12 in done.remarks[0]


def test_a_history_of_which_nothing_can_be_read_is_a_problem(aged: Aged, vault: FolderVault, tmp_path: Path) -> None:
    """It may be the newest one."""
    shipped(aged, vault)
    key = names.segment_key(aged.archive.description.archive_uuid, "f" * 12, 1)
    vault.put_new(key, b"x")
    done = restore(vault, tmp_path / "again", actor="me")
    assert done.entries == 2 and key in done.problems[0]


def test_an_archive_has_a_uuid(vault: FolderVault, tmp_path: Path) -> None:
    """Any other name is refused."""
    with pytest.raises(UsageError, match="is not a UUID"):
        restore(vault, tmp_path / "again", actor="me", archive_uuid="../x")
