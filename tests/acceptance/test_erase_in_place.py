"""Erasure and post action ``keep``: a file that is in its watch folder, or may be, is not archived and sent a second time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import command
from tests.station import FOLDERS, Station

from pywats_archive import Client, Erasure, ErasureChoice, ErasureRule
from pywats_archive.host.settings import state_file

BEYOND_S = 11_000_000_000
"""In the year 2318, which the catalog cannot hold."""


def kept(station: Station, *, mtime_s: float | None = None) -> Path:
    """Archive a file that stays in its watch folder; returns it."""
    file = station.add("ICT", post_action="keep") / "SN1.csv"
    file.write_text("hello;1\n")
    if mtime_s is not None:
        os.utime(file, (mtime_s, mtime_s))
    station.run()
    return file


def sent(station: Station) -> set[str]:
    with station.archive() as archive:
        return {each.report_id for entry in station.entries() for each in archive.reports_of(entry.archive_id)}


def erase(station: Station) -> Erasure:
    with Client.from_config(station.root / "config.json") as client:
        ids = tuple(each.archive_id for each in client.entries())
        return client.erase(ErasureChoice(archive_ids=ids), reason="request")


def rules(station: Station) -> list[ErasureRule]:
    done = erase(station)
    assert done.entries == 0
    return [each.rule for each in done.protected]


def touch(file: Path) -> None:
    os.utime(file, (1_600_000_000, 1_600_000_000))


def rename(file: Path) -> None:
    file.rename(file.with_name("SN1_b.csv"))


def rename_and_touch(file: Path) -> None:
    rename(file)
    touch(file.with_name("SN1_b.csv"))


@pytest.mark.parametrize("change", [touch, rename, rename_and_touch])
def test_a_file_that_was_touched_or_renamed_is_in_place(station: Station, change: Callable[[Path], None]) -> None:
    """Its report is not sent under a second id (invariant 4)."""
    change(kept(station))
    before = sent(station)
    assert rules(station) == [ErasureRule.IN_PLACE]
    station.run()
    assert sent(station) == before and len(station.entries()) == 1


def test_a_file_that_has_grown_is_in_place(station: Station) -> None:
    """It may be appended to (``append``), and what is sent of it then depends on the entry."""
    with kept(station).open("a") as stream:
        stream.write("more\n")
    assert rules(station) == [ErasureRule.IN_PLACE]


def test_a_file_of_a_time_beyond_the_catalog_is_in_place(station: Station) -> None:
    """The catalog holds the nearest time that it can; so does the comparison, under another name too."""
    file = kept(station, mtime_s=BEYOND_S)
    assert rules(station) == [ErasureRule.IN_PLACE]
    rename(file)
    assert rules(station) == [ErasureRule.IN_PLACE]


def test_a_folder_that_was_renamed_is_in_place(station: Station) -> None:
    """A folder source is found by its inode."""
    station.code("\n" + FOLDERS)
    source = station.add("ICT", "own.Folders", post_action="keep", converter_type="folder") / "SN1"
    source.mkdir()
    (source / "a.txt").write_text("a")
    (source / "COMPLETE.marker").write_text("")
    station.run()
    assert len(station.entries()) == 1
    source.rename(source.with_name("SN1_b"))
    assert rules(station) == [ErasureRule.IN_PLACE]


def test_a_file_in_a_folder_that_is_away_is_protected(station: Station) -> None:
    """The file is there again when the folder is back; the command says so."""
    file = kept(station)
    away, before = file.parent.with_name("away"), sent(station)
    file.parent.rename(away)
    assert rules(station) == [ErasureRule.AWAY]
    words = ("erase", station.entry().archive_id, "--config", station.root / "config.json")
    refused = command(*words, "--reason", "request", "--yes")
    assert refused.returncode == 1 and "its watch folder is away" in refused.stdout
    away.rename(file.parent)
    station.run()
    assert sent(station) == before


def test_an_empty_mount_point_is_a_folder_that_is_away(station: Station) -> None:
    """The service remembers where the folder's disk or share was mounted."""
    file = kept(station)
    watch = file.parent
    state_file.remember(station.root / "config.json", state_file.WATCH_FOLDERS, {str(watch): str(watch)})
    file.unlink()
    assert rules(station) == [ErasureRule.AWAY]


def test_a_disk_that_is_gone_for_good_does_not_prevent_an_erasure(station: Station) -> None:
    """Once no converter watches the folder any longer, an empty folder in its place says that the file is gone."""
    file = kept(station)
    watch = file.parent
    state_file.remember(station.root / "config.json", state_file.WATCH_FOLDERS, {str(watch): str(watch)})
    file.unlink()
    station.sections[0]["watch_folder"] = str(station.root / "elsewhere")
    station.write_config()
    assert erase(station).entries == 1


def test_a_file_is_found_after_the_ledger_was_lost(station: Station) -> None:
    """A catalog that is rebuilt from the blobs alone knows the file from its entry."""
    kept(station)
    (station.archive_root / "metadata.db").unlink()
    assert not [path for path in (station.archive_root / "backups").rglob("*") if path.is_file()]
    assert command("rebuild", "--archive", station.archive_root).returncode == 0
    assert rules(station) == [ErasureRule.IN_PLACE]


def test_a_folder_that_cannot_be_searched_is_away(station: Station) -> None:
    """Without the right to it, nobody knows whether the file is there."""
    file = kept(station)
    file.parent.chmod(0)
    try:
        if os.access(file.parent, os.X_OK):
            pytest.skip("this account may search every folder")
        assert rules(station) == [ErasureRule.AWAY]
    finally:
        file.parent.chmod(0o700)


def test_a_removed_file_is_erased_whatever_else_is_in_the_folder(station: Station) -> None:
    """Another file of the same size and time, and another entry's copy of the same bytes, are not it."""
    file = kept(station)
    entry, status = station.entry(), file.stat()
    other = file.with_name("SN2.csv")
    other.write_bytes(file.read_bytes())
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    station.run()
    assert len(station.entries()) == 2
    file.unlink()
    (file.with_name("SN3.csv")).write_text("hello;9\n")
    os.utime(file.with_name("SN3.csv"), ns=(status.st_atime_ns, status.st_mtime_ns))
    with Client.from_config(station.root / "config.json") as client:
        done = client.erase(ErasureChoice(archive_ids=(entry.archive_id,)), reason="request")
    assert (done.entries, done.protected) == (1, ())


def test_the_earlier_source_of_a_path_is_erased(station: Station) -> None:
    """A tester that writes the same file again: the file that is there belongs to the later entry."""
    file = kept(station)
    file.write_text("hello; another\n")
    station.run()
    first, second = station.entries()
    done = erase(station)
    assert done.entries == 1 and [(e.archive_id, e.rule) for e in done.protected] == [
        (second.archive_id, ErasureRule.IN_PLACE)
    ]
    assert station.entries()[0].archive_id == first.archive_id and station.entries()[0].purged_at


def test_a_file_that_stayed_unnoticed_is_known_again(station: Station) -> None:
    """Its inode and checksum stay on record, so that it is not archived and sent again (invariant 4)."""
    file = kept(station)
    before, hidden = sent(station), file.parent.with_name("hidden")
    file.rename(hidden)
    assert erase(station).entries == 1
    hidden.rename(file)
    station.run()
    assert sent(station) == before and len(station.entries()) == 1
