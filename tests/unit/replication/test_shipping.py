"""Shipping: each event, row and blob once, whatever happens in between."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.vaulted import ByReadme, Counted, blobs, copied, rows

from pywats_archive.archive import holds
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.results import submissions
from pywats_archive.catalog.binding.bound import BOUND
from pywats_archive.errors import AnotherHistory, SegmentDamaged
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at, segment_keys, whole_segment
from pywats_archive.replication.segment import reading
from pywats_archive.replication.shipping import Shipped, Shipping
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER

SMALL = 6000


def shipped(archive: Archive, vault: FolderVault, limit_bytes: int = SMALL) -> list[Shipped]:
    """Ship all that waits."""
    return list(Shipping(archive, vault, limit_bytes=limit_bytes, station="here").ship_all())


def segments_of(archive: Archive, vault: FolderVault) -> list[str]:
    """Return the keys of the archive's segments."""
    chain = progress.chain_of(archive)
    assert chain
    return list(segment_keys(vault, archive.description.archive_uuid, chain))


def lines_of(archive: Archive, vault: FolderVault) -> list[dict[str, Any]]:
    """Return the lines of all segments, oldest first."""
    keys = segments_of(archive, vault)
    return [json.loads(line) for key in keys for line in whole_segment(vault, key).rows()]


def test_every_event_is_shipped_once_in_order(archive: Archive, vault: FolderVault) -> None:
    """The segments hold the whole history, one behind the other, each naming the one before (invariant 8)."""
    done = shipped(archive, vault)
    assert len(done) > 3
    descriptions = [whole_segment(vault, key).description for key in segments_of(archive, vault)]
    assert [each.first for each in descriptions] == [1, *(each.last + 1 for each in descriptions[:-1])]
    assert [each.previous_segment for each in descriptions] == [None, *(one.segment.sha256 for one in done[:-1])]
    with archive.read() as db:
        expected = [tuple(row) for row in db.exec_driver_sql("SELECT sequence, hash FROM events ORDER BY sequence")]
    found = [
        (line["row"]["sequence"], line["row"]["hash"]) for line in lines_of(archive, vault) if line["table"] == "events"
    ]
    assert found == expected
    assert shipped(archive, vault) == []


def test_every_row_that_an_event_binds_is_shipped(archive: Archive, vault: FolderVault) -> None:
    """The newest line of each row is the row."""
    shipped(archive, vault)
    newest = {(line["table"], line["key"]): line.get("row") for line in lines_of(archive, vault)}
    with closing(sqlite3.connect(archive.root / "metadata.db")) as db:
        db.row_factory = sqlite3.Row
        for table in BOUND:
            rows = [dict(row) for row in db.execute(f"SELECT * FROM {table.name}")]
            expected = [{name: value for name, value in row.items() if value is not None} for row in rows]
            found = [row for (name, _), row in newest.items() if name == table.name and row]
            assert sorted(map(repr, map(sorted_items, found))) == sorted(map(repr, map(sorted_items, expected))), table


def sorted_items(row: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the values of a row by their names."""
    return sorted(row.items())


def test_each_blob_is_shipped_once_and_unpacks_by_unzip_alone(
    archive: Archive, vault: FolderVault, tmp_path: Path
) -> None:
    """The segments, unpacked into one folder, have every blob byte for byte (invariant 6)."""
    shipped(archive, vault)
    for report in archive.reports_of(archive.find(EntryFilter()).items[-1].archive_id):
        submissions.record_try(archive, report, state=SubmissionState.ACCEPTED, reason=None)
    assert shipped(archive, vault)  # the rows that changed, and no blob of them
    held = [name for key in segments_of(archive, vault) for name in whole_segment(vault, key).files]
    assert len(held) == len(set(held))
    for key in segments_of(archive, vault):
        subprocess.run(["unzip", "-qn", str(Path(vault.url, key)), "-d", str(tmp_path / "out")], check=True)
    stored = {path.relative_to(archive.root): path.read_bytes() for path in archive.root.rglob("*.gz")}
    assert stored == {
        path.relative_to(tmp_path / "out"): path.read_bytes()
        for path in (tmp_path / "out").rglob("*.gz")
        if path.name != "rows.jsonl.gz"
    }


def test_the_same_state_makes_the_same_bytes(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """A segment depends on nothing but the archive."""
    other = FolderVault(tmp_path / "other")
    other.put_new(MARKER, b"{}")
    shipped(archive, vault)
    shipped(archive, other)
    for key in segments_of(archive, vault):
        one, two = whole_segment(vault, key), whole_segment(other, key)
        assert (one.files, list(one.rows())) == (two.files, list(two.rows()))
        with zipfile.ZipFile(Path(vault.url, key)) as whole:
            assert {each.date_time for each in whole.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert {each.compress_type for each in whole.infolist()} == {zipfile.ZIP_STORED}
            assert whole.namelist()[-2:] == ["rows.jsonl.gz", "segment.json"]


def test_a_lost_cursor_is_read_from_the_vault(archive: Archive, vault: FolderVault) -> None:
    """A catalog that forgot what it shipped notes every segment, goes on behind the newest, and sends nothing again."""
    done = shipped(archive, vault)
    chain = progress.chain_of(archive)
    assert chain
    progress.forget(archive, vault.url, chain)
    before = sizes(vault)
    again = shipped(archive, vault)
    assert [each.is_new for each in again] == [False] * len(done)
    assert [replace(each.segment, at=one.segment.at) for each, one in zip(again, done, strict=True)] == [
        each.segment for each in done
    ]
    assert sizes(vault) == before


def sizes(vault: FolderVault) -> dict[str, int]:
    """Return the size of each object, but of those that tried the vault."""
    return {stored.key: stored.size_bytes for stored in vault.keys("") if "/probe/" not in stored.key}


def test_a_vault_that_lost_its_objects_gets_all_again(archive: Archive, vault: FolderVault) -> None:
    """What the catalog has noted counts only as long as the vault has it."""
    shipped(archive, vault)
    before = sizes(vault)
    shutil.rmtree(Path(vault.url) / archive.description.archive_uuid)
    shipped(archive, vault)
    assert sizes(vault).keys() == before.keys()


@pytest.mark.parametrize("is_shipped_before", [True, False])
def test_a_copy_of_the_archive_ships_nothing(
    archive: Archive, vault: FolderVault, tmp_path: Path, is_shipped_before: bool
) -> None:
    """A copy that goes on for itself is refused at its first own event, with both computers named, and replaces nothing."""
    if is_shipped_before:
        shipped(archive, vault)
    with Archive.open(copied(archive, tmp_path / "old"), own=True) as copy:
        going_on = Shipping(copy, vault, station="there")
        assert going_on.step() is None if is_shipped_before else True
        hold(archive, "here")
        shipped(archive, vault)
        before = sizes(vault)
        hold(copy, "there")
        for each in (going_on, Shipping(copy, vault, station="there")):
            with pytest.raises(AnotherHistory, match=r"by 'here', and this is 'there'; .* 'rebuild', which"):
                list(each.ship_all())
    assert sizes(vault) == before


def hold(archive: Archive, reason: str) -> None:
    """Let something happen."""
    archive_id = archive.find(EntryFilter()).items[0].archive_id
    holds.hold(archive, archive_id, reason=reason, actor="os:anna")


def test_a_large_blob_is_an_object_of_its_own(archive: Archive, vault: FolderVault) -> None:
    """What is larger than a segment is stored under its checksum, before the segment that names it."""
    shipped(archive, vault, limit_bytes=1500)
    large = {
        path: sha256
        for key in segments_of(archive, vault)
        for path, sha256 in whole_segment(vault, key).description.large.items()
    }
    assert large
    for path, sha256 in large.items():
        content = vault.get(names.large_key(archive.description.archive_uuid, sha256))
        assert content == (archive.root / path).read_bytes()


def test_damaged_and_missing_blobs_are_named(archive: Archive, vault: FolderVault) -> None:
    """A blob that is not as it was written is left out, and the segment says so."""
    one, two = (path for path in sorted(archive.root.rglob("sources/**/*.csv.gz"))[:2])
    one.chmod(0o600)
    one.write_bytes(one.read_bytes()[:-1] + b"?")
    two.unlink()
    absent = {path: why for each in shipped(archive, vault) for path, why in each.absent.items()}
    assert absent[one.relative_to(archive.root).as_posix()] == "damaged"
    assert absent[two.relative_to(archive.root).as_posix()] == "missing"
    one.write_bytes(one.read_bytes()[:-1] + b"\0")  # the fixture's archive is thrown away


def test_one_blob_costs_three_requests(archive: Archive, vault: FolderVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """One blob of a segment is read by its size, its end, and the blob itself, also of one that is larger than that end."""
    monkeypatch.setattr(reading, "_TAIL_BYTES", 4000)
    shipped(archive, vault, limit_bytes=8_000_000)
    (key,) = segments_of(archive, vault)
    counted = Counted(vault)
    segment = segment_at(counted, key)
    path = next(name for name in segment.files if name.startswith("sources/"))
    assert segment.read(path) == (archive.root / path).read_bytes()
    assert counted.requests == 3


def test_a_segment_with_a_flipped_bit_is_damaged(archive: Archive, vault: FolderVault) -> None:
    """Each part of a segment is checked when it is read."""
    shipped(archive, vault, limit_bytes=8_000_000)
    (key,) = segments_of(archive, vault)
    path = Path(vault.url, key)
    content = bytearray(path.read_bytes())
    path.chmod(0o600)
    with zipfile.ZipFile(path) as whole:
        member = next(each for each in whole.infolist() if each.filename.startswith("sources/"))
    content[member.header_offset + 30 + len(member.filename) + 200] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(SegmentDamaged, match=r"000000000001\.zip"):
        whole_segment(vault, key).read(member.filename)


def test_the_readme_makes_a_database(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """The page in the vault gets every row and every blob out of it, with ``unzip`` and ``sqlite3``, or Python, alone."""
    shipped(archive, vault, limit_bytes=1500)
    hold(archive, "an audit")
    shipped(archive, vault, limit_bytes=1500)
    readme = ByReadme(Path(vault.url), archive.description.archive_uuid, tmp_path / "unpacked")
    assert readme.blobs() == blobs(archive.root)
    assert readme.rows_by_python() == readme.rows_by_sqlite3() == rows(archive.root)
