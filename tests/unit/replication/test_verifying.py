"""The check of a vault names what is damaged, missing or replaced there, and what was changed here."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.replication.test_shipping import shipped

from pywats_archive.archive.core import Archive
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.folder import FolderVault


def problems(archive: Archive, vault: FolderVault, percent: float = 100.0) -> list[str]:
    found = Verifying(archive, vault, sample_percent=percent).segments()
    return [problem for each in found for problem in each.problems]


def sql(archive: Archive, *statements: str) -> None:
    """Change the catalog with all rights."""
    with closing(sqlite3.connect(archive.catalog.path)) as raw:
        for name in ("events_are_kept", "events_stay"):
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def test_a_sound_vault_has_no_problem_and_each_file_is_read(archive: Archive, vault: FolderVault) -> None:
    """All files of the archive, once."""
    shipped(archive, vault, limit_bytes=3000)
    found = list(Verifying(archive, vault).segments())
    assert [each.problems for each in found] == [()] * len(found)
    assert sum(each.files for each in found) > 10
    sampled = list(Verifying(archive, vault, sample_percent=30, seed="x").segments())
    assert 0 < sum(each.files > 0 for each in sampled) < len(found)


def test_what_is_damaged_missing_or_replaced_is_named(archive: Archive, vault: FolderVault) -> None:
    """With its key; one damaged segment does not hide another."""
    keys = [each.key for each in shipped(archive, vault, limit_bytes=3000)]
    files = [Path(vault.url, key) for key in keys]
    for path in files:
        path.chmod(0o600)
    content = bytearray(files[1].read_bytes())
    content[300] ^= 1
    files[1].write_bytes(bytes(content))
    files[3].unlink()
    found = problems(archive, vault)
    assert any(keys[1] in each and "is damaged" in each for each in found), found
    assert any(keys[4] in each and "a segment before it is missing" in each for each in found), found


def test_a_replaced_segment_is_named_by_the_next_one(archive: Archive, vault: FolderVault) -> None:
    """Also if it is a whole ZIP: the next one has the checksum of the one that was there."""
    keys = [each.key for each in shipped(archive, vault, limit_bytes=3000)]
    segment = whole_segment(vault, keys[1])
    rows = gzip.compress(b"".join(segment.rows()), mtime=0)
    members = [(path, segment.read(path)) for path in segment.files]
    other = build(members, rows, replace(segment.description, station="elsewhere"))
    Path(vault.url, keys[1]).unlink()
    vault.put_new(keys[1], other)
    found = problems(archive, vault)
    assert any(keys[2] in each and "was replaced" in each for each in found), found


def test_a_large_file_that_is_missing_is_named(archive: Archive, vault: FolderVault) -> None:
    """Even if no segment is read whole."""
    shipped(archive, vault, limit_bytes=1500)
    large = sorted(Path(vault.url, archive.description.archive_uuid, "blobs").iterdir())
    large[0].unlink()
    large[1].chmod(0o600)
    large[1].write_bytes(b"x")
    found = problems(archive, vault)
    assert any(large[0].name in each and "is missing" in each for each in found), found
    assert any(large[1].name in each and "is damaged" in each for each in found), found
    assert any(large[0].name in each for each in problems(archive, vault, percent=0.001))


def test_a_history_that_was_cut_off_or_altered_here_is_named(archive: Archive, vault: FolderVault) -> None:
    """The vault is an anchor of it (invariant 8)."""
    shipped(archive, vault, limit_bytes=3000)
    sql(archive, "DELETE FROM events WHERE sequence > (SELECT max(sequence) - 3 FROM events)")
    assert any("were cut off" in each for each in problems(archive, vault, percent=0.001))


def test_an_altered_history_is_named(archive: Archive, vault: FolderVault) -> None:
    """Also if its hashes were made to agree: they are others than those in the vault."""
    shipped(archive, vault, limit_bytes=3000)
    sql(archive, "UPDATE events SET hash = 'f' || substr(hash, 2) WHERE sequence > 10")
    assert any("altered" in each for each in problems(archive, vault, percent=0.001))


@pytest.mark.parametrize(
    "line", [b"no json\n", b"[]\n", b'{"table": "events", "key": "x", "row": {"a": 1}}\n', b"[" * 100_000]
)
def test_a_line_that_no_archive_writes_is_named(archive: Archive, vault: FolderVault, line: bytes) -> None:
    """It hides no problem of another segment."""
    keys = [each.key for each in shipped(archive, vault, limit_bytes=3000)]
    segment = whole_segment(vault, keys[1])
    members = [(path, segment.read(path)) for path in segment.files]
    Path(vault.url, keys[1]).unlink()
    vault.put_new(keys[1], build(members, gzip.compress(line), segment.description))
    found = problems(archive, vault)
    assert any(keys[1] in each and "is not readable" in each for each in found), found
    assert any(keys[2] in each and "was replaced" in each for each in found), found
