"""By what a source is known again: its inode, the time of its last change, its bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.station import Station

from pywats_archive.archive.sources import reading
from pywats_archive.errors import SourceChanged


def test_the_ledger_has_the_identity_of_the_bytes_that_were_archived(station: Station) -> None:
    """The ledger names the inode whose bytes were archived, whatever lies at its path later (invariant 12)."""
    watch = station.add("kept", post_action="keep")
    (watch / "a.log").write_bytes(b"x")
    status = (watch / "a.log").stat()
    station.run()
    (arrival,) = station.arrivals()
    assert (arrival.inode, arrival.ctime_ns) == (status.st_ino, status.st_ctime_ns)


def test_a_source_that_was_replaced_before_it_was_opened_is_not_archived_under_the_former_ones_time(
    tmp_path: Path,
) -> None:
    """What is read is what was looked at, even where the new one is as long and as old (invariants 2, 12)."""
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(b"one")
    before = reading.signature(path)
    other.write_bytes(b"two")
    os.utime(other, ns=(before.mtime_ns, before.mtime_ns))
    other.replace(path)
    with pytest.raises(SourceChanged):
        list(reading.read_file(path, expected=before))
