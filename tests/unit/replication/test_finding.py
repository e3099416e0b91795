"""Segments that only the vault knows are noted again, so that it can confirm them; those of another history are not."""

from __future__ import annotations

import gzip
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.filled import fill
from tests.unit.replication.test_shipping import hold, shipped

from pywats_archive.archive.core import Archive
from pywats_archive.errors import AnotherHistory
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.time import utc_now
from pywats_archive.replication.borrowing import borrowed
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

_KNOWN = "SELECT chain, first, last, hash, entry_no, report_no, sha256, size_bytes FROM vault_segments ORDER BY first"
_ABSENT = "SELECT archive_id, path FROM vault_absent ORDER BY path"


def rows(archive: Archive, query: str) -> list[Any]:
    with archive.read() as db:
        return [tuple(row) for row in db.exec_driver_sql(query)]


def sql(archive: Archive, *statements: str) -> None:
    """Change tables that no event binds."""
    with closing(sqlite3.connect(archive.catalog.path)) as raw:
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def confirmed(archive: Archive, vault: FolderVault) -> int:
    return Shipping(archive, vault).confirm()


def lose_one(archive: Archive) -> None:
    """Remove a blob, so that the vault cannot have it."""
    next(iter(sorted(archive.root.rglob("sources/**/*.csv.gz")))).unlink()


def test_a_restored_archive_knows_its_segments(archive: Archive, vault: FolderVault, tmp_path: Path) -> None:
    """All of them, and the blobs that they lack: so the vault confirms it as before, and reads nothing again (invariant 13)."""
    lose_one(archive)
    done = shipped(archive, vault)
    known, absent = rows(archive, _KNOWN), rows(archive, _ABSENT)
    assert len(known) > 3 and len(absent) == 1
    assert len(restore(vault, tmp_path / "back", actor="os:anna").absent) == 1
    with Archive.open(tmp_path / "back", own=True) as back:
        assert (rows(back, _KNOWN), rows(back, _ABSENT)) == (known, absent)
        assert confirmed(back, vault) == done[-1].segment.last
        assert [each.is_new for each in shipped(back, vault)] == [True]


@pytest.mark.parametrize("kept", ["0", "first = 1", "first = (SELECT max(first) FROM vault_segments)", "first % 2 = 0"])
def test_every_segment_that_is_not_noted_is_noted_again(archive: Archive, vault: FolderVault, kept: str) -> None:
    """Whichever ones a catalog forgot: also those before a noted one (invariant 13)."""
    lose_one(archive)
    done = shipped(archive, vault)
    known, absent = rows(archive, _KNOWN), rows(archive, _ABSENT)
    sql(archive, f"DELETE FROM vault_segments WHERE NOT ({kept})", "DELETE FROM vault_absent")
    forgotten = len(known) - len(rows(archive, _KNOWN))
    assert [each.is_new for each in shipped(archive, vault)] == [False] * forgotten
    assert rows(archive, _KNOWN) == known
    if kept == "0":
        assert rows(archive, _ABSENT) == absent
    assert confirmed(archive, vault) == done[-1].segment.last


def test_a_note_that_failed_is_made_by_the_next_step(archive: Archive, vault: FolderVault) -> None:
    """No segment is skipped."""
    shipped(archive, vault)
    known, steps = rows(archive, _KNOWN), list[str]()
    sql(archive, "DELETE FROM vault_segments WHERE first < (SELECT max(first) FROM vault_segments)")

    def fail(step: str) -> None:
        steps.append(step)
        if steps.count("note") == 2:
            steps.append("note")
            raise AnotherHistory("once")

    shipping = Shipping(archive, vault, on_step=fail)
    with pytest.raises(AnotherHistory, match="once"):
        list(shipping.ship_all())
    list(shipping.ship_all())
    assert rows(archive, _KNOWN) == known


def test_a_damaged_segment_is_not_noted(archive: Archive, vault: FolderVault) -> None:
    """What follows it is, and waits for it to be confirmed."""
    done = shipped(archive, vault)
    sql(archive, "DELETE FROM vault_segments")
    damaged = Path(vault.url, done[2].key)
    damaged.chmod(0o600)
    os.truncate(damaged, damaged.stat().st_size - 9)
    assert len(shipped(archive, vault)) == len(done) - 1
    assert confirmed(archive, vault) == done[1].segment.last
    hold(archive, "goes on")
    assert [each.is_new for each in shipped(archive, vault)] == [True]


@pytest.mark.parametrize("part", ["rows.jsonl.gz", "segment.json"])
def test_an_archive_that_lacks_a_damaged_segment_goes_on(
    archive: Archive, vault: FolderVault, tmp_path: Path, part: str
) -> None:
    """A hole in its history is no other history, and nothing after the hole is confirmed (invariant 13)."""
    done = shipped(archive, vault)
    damaged = Path(vault.url, done[2].key)
    damaged.chmod(0o600)
    with zipfile.ZipFile(damaged) as whole:
        at = whole.getinfo(part).header_offset + 60
    content = bytearray(damaged.read_bytes())
    content[at] ^= 0xFF
    damaged.write_bytes(content)
    assert restore(vault, tmp_path / "back", actor="os:anna").problems
    with Archive.open(tmp_path / "back", own=True) as back:
        assert [each.is_new for each in shipped(back, vault)] == [True]
        sql(back, "DELETE FROM vault_segments")
        assert [each.is_new for each in shipped(back, vault)] == [False] * len(done)
        assert confirmed(back, vault) == done[1].segment.last


@pytest.mark.parametrize(
    "forge",
    [
        lambda known: replace(known, hash="f" * 64),
        lambda known: replace(known, previous_hash="f" * 64),
        lambda known: replace(known, last=known.last + 1000),
        lambda known: replace(known, first=1),
    ],
    ids=["hash", "previous", "last", "first"],
)
def test_a_segment_of_another_history_is_refused(
    archive: Archive, vault: FolderVault, forge: Callable[[SegmentDescription], SegmentDescription]
) -> None:
    """In the middle too, and neither that segment nor a later one is confirmed (invariant 13)."""
    done = shipped(archive, vault)
    sql(archive, "DELETE FROM vault_segments")
    segment = whole_segment(vault, done[2].key)
    members = [(path, segment.read(path)) for path in segment.files]
    Path(vault.url, done[2].key).unlink()
    lines = gzip.compress(b"".join(segment.rows()), mtime=0)
    vault.put_new(done[2].key, build(members, lines, forge(segment.description)))
    for _ in range(2):
        with pytest.raises(AnotherHistory, match=done[2].key):
            shipped(archive, vault)
    assert confirmed(archive, vault) == done[1].segment.last


def test_numbers_of_a_forged_description_are_not_believed(archive: Archive, vault: FolderVault) -> None:
    """Otherwise blobs of later entries would count as copied, and be purged before the vault has them (invariant 13)."""
    done = shipped(archive, vault)
    known = rows(archive, _KNOWN)
    sql(archive, "DELETE FROM vault_segments")
    segment = whole_segment(vault, done[-1].key)
    members = [(path, segment.read(path)) for path in segment.files]
    Path(vault.url, done[-1].key).unlink()
    lines = gzip.compress(b"".join(segment.rows()), mtime=0)
    forged = replace(segment.description, entry_no=10**9, report_no=10**9)
    vault.put_new(done[-1].key, build(members, lines, forged))
    shipped(archive, vault)
    assert [each[4:6] for each in rows(archive, _KNOWN)] == [each[4:6] for each in known]


def test_an_entry_is_read_from_a_segment_that_is_not_noted(archive: Archive, vault: FolderVault) -> None:
    """Whether the catalog knows no segment, or only others (invariant 6)."""
    shipped(archive, vault)
    entry = archive.find(EntryFilter(newest_first=False)).items[0]
    path = str(entry.source_archived_path)
    content = (archive.root / path).read_bytes()
    for kept in ("0", "first = (SELECT max(first) FROM vault_segments)"):
        sql(archive, f"DELETE FROM vault_segments WHERE NOT ({kept})")
        with borrowed(archive, entry.archive_id, vault=vault) as fetched:
            assert fetched.blobs.stored_bytes(path) == content


@pytest.mark.parametrize("upload", ["put_large", "put"])
def test_a_file_that_appears_during_a_long_upload_is_in_the_next_segment(
    tmp_path: Path, vault: FolderVault, upload: str
) -> None:
    """However long the upload takes: a time stamp or a public key is not lost to the vault."""
    fill(tmp_path, files=1)
    later = timedelta()

    def take_long(step: str) -> None:
        nonlocal later
        if step == upload and not stamps.exists():
            stamps.mkdir()
            (stamps / "x.tsr").write_bytes(b"answer")
            later = timedelta(minutes=10)

    with Archive.open(tmp_path / "archive", own=True, clock=lambda: utc_now() + later) as archive:
        stamps = archive.root / "timestamps"
        done = list(Shipping(archive, vault, limit_bytes=2000, on_step=take_long).ship_all())
        hold(archive, "goes on")
        done += shipped(archive, vault)
    assert [name for each in done for name in whole_segment(vault, each.key).files].count("timestamps/x.tsr") >= 1
