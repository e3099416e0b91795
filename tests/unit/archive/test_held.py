"""Files of an archive that another program has open, as Windows sees it: nothing is lost, and the program is named."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.aged import Aged, blobs
from tests.filled import fill

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.repair.recover import recover
from pywats_archive.errors import StorageError
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Thoroughness
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing

pytestmark = pytest.mark.skipif(os.name != "nt", reason="elsewhere an open file can be renamed and removed")

POLICY = RetentionPolicy(converter_name="c", retention_days=30)


def test_a_blob_that_somebody_reads_stops_no_purge(tmp_path: Path) -> None:
    """All else goes, the blob is named, and goes at the next purge; read-only blobs are removed (invariant 7)."""
    aged = Aged(tmp_path)
    entries = [aged.add(days_ago=100 - number, companion=True) for number in range(3)]
    held = aged.archive.root / entries[1].source_archived_path
    with held.open("rb"):
        done = enforcing.enforce(aged.archive, POLICY, confirmed=True)
        assert (done.archives_purged, done.not_removed) == (3, 1) and str(held) in (done.first_not_removed or "")
        assert blobs(aged.archive) == [entries[1].source_archived_path]
    assert enforcing.enforce(aged.archive, POLICY, confirmed=True).not_removed == 0
    assert blobs(aged.archive) == [] and not purging.is_any_unfinished(aged.archive)
    aged.archive.close()


def test_a_rebuild_beside_a_reader_names_who_to_close(tmp_path: Path) -> None:
    """While a reader has the catalog open, one error says so and nothing changes; afterwards the rebuild works."""
    fill(tmp_path)
    root = tmp_path / "archive"
    with closing(sqlite3.connect(root / layout.CATALOG)) as reader:
        reader.execute("SELECT count(*) FROM archive_entries").fetchone()
        with pytest.raises(StorageError, match=r"metadata\.db.*open in another program.*close"):
            rebuild(root)
        assert reader.execute("SELECT count(*) FROM archive_entries").fetchone()
    before = entries_of(root)
    rebuild(root)
    assert entries_of(root) == before
    with Archive.open(root, own=True) as archive:
        assert not recover(archive).found_anything
        assert not [each for each in verify(archive, Thoroughness()) if each.problem]


def entries_of(root: Path) -> list[str]:
    """Return the ids of all entries."""
    with closing(sqlite3.connect(root / layout.CATALOG)) as db:
        return [row[0] for row in db.execute("SELECT archive_id FROM archive_entries ORDER BY archive_id")]
