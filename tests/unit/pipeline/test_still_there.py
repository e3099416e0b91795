"""Whether an archived source is still at its path, by size, time, and inode where that means something."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.faults import acts
from tests.faults.place import Place

from pywats_archive.archive.core import Archive
from pywats_archive.pipeline.folders.presence import WatchFolder
from pywats_archive.pipeline.processing.intake import is_still


@pytest.mark.parametrize("keeps_inodes", [True, False])
def test_another_inode_means_another_file_where_inodes_are_stable(tmp_path: Path, keeps_inodes: bool) -> None:
    """On a share that numbers its files anew, a source that waits is converted where it lies, beside its neighbours."""
    place = Place(folder=tmp_path)
    place.watch.mkdir()
    path = place.drop("unit.log", b"content")
    with Archive.open(place.root, create=True, own=True) as archive:
        acts.archive_it(archive, place)
        lane = replace(acts.lane(archive, place), folder=WatchFolder(place.watch))
        assert lane.folder
        lane.folder.keeps_inodes = keeps_inodes
        (arrival,) = lane.ledger.unfinished()
        entry = archive.entry(arrival.archive_id or "")
        assert arrival.inode == path.stat().st_ino and is_still(lane, entry, arrival)
        renumbered = replace(arrival, inode=path.stat().st_ino + 1)
        assert is_still(lane, entry, renumbered) is not keeps_inodes
        os.utime(path, ns=(0, 0))
        assert not is_still(lane, entry, renumbered)
