"""A program that writes an archive and reads it through another client: SQLite's locks belong to the whole process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.command import command

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.client import Client


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_reader_beside_the_owner_in_one_process_keeps_its_locks(tmp_path: Path) -> None:
    """Another process that closes its connection last must not take the log of the catalog away."""
    root = tmp_path / "archive"
    with Archive.open(root, create=True, own=True) as archive:
        for number in range(3):
            path = tmp_path / f"{number}.csv"
            path.write_bytes(b"%d" % number)
            ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C"))
            with Client(root) as client:
                assert client.find().total == number + 1
            listed = command("list", "--archive", root)
            assert listed.stdout.count(" C ") == number + 1, listed.stdout
            opened = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
            assert [name for name in opened if name.startswith(str(root)) and name.endswith("(deleted)")] == []
