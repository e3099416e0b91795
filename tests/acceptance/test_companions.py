"""Companions: files beside a source that its converter reads, archived with it and brought back with it."""

from __future__ import annotations

import pytest
from tests.station import Station

from pywats_archive.archive.restore.source import restore_source


def test_companions_are_archived_by_rule_and_restored(station: Station) -> None:
    """Files beside a source that a rule names are archived before the conversion and come back with it."""
    watch = station.add("with", archive_companions=["{stem}/*.txt"], file_patterns=["*.log"])
    (watch / "a").mkdir()
    (watch / "a" / "data.txt").write_bytes(b"data")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    assert [(c.name, c.found_by) for c in station.entry().companions] == [("a/data.txt", "rule")]
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert (restored.parent / "a" / "data.txt").read_bytes() == b"data"


@pytest.mark.parametrize("is_link", [True, False])
def test_what_has_the_name_of_a_companions_folder_is_not_in_the_way(station: Station, is_link: bool) -> None:
    """A file cannot hold them, and a link would lead them elsewhere: all get a folder of their own (invariant 3)."""
    watch = station.add("with", archive_companions=["{stem}/*.txt"], file_patterns=["*.log"])
    (watch / "a").mkdir()
    (watch / "a" / "data.txt").write_bytes(b"data")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    back, elsewhere = station.root / "back", station.root / "elsewhere"
    back.mkdir()
    elsewhere.mkdir()
    if is_link:
        (back / "a").symlink_to(elsewhere)
    else:
        (back / "a").write_bytes(b"mine")
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, back)
    assert (restored.read_bytes(), (restored.parent / "a" / "data.txt").read_bytes()) == (b"x", b"data")
    assert not any(elsewhere.iterdir())
    assert is_link or (back / "a").read_bytes() == b"mine"
    assert len(station.names("back")) == 2


def test_a_second_restore_leaves_the_first_ones_companions_alone(station: Station) -> None:
    """Source and companions know each other by name, so the second ones get a folder of their own (invariant 3)."""
    watch = station.add("comp", archive_companions=["{stem}.cal"], file_patterns=["*.log"])
    for number in (b"1", b"2"):
        (watch / "unit.cal").write_bytes(b"cal" + number)
        (watch / "unit.log").write_bytes(b"log" + number)
        station.run()
    back = station.root / "back"
    with station.archive() as archive:
        for entry in station.entries():
            restored = restore_source(archive, entry.archive_id, back)
            assert restored.name == "unit.log"
            number = restored.read_bytes()[-1:]
            assert (restored.parent / "unit.cal").read_bytes() == b"cal" + number
    assert len(station.names("back")) == 3


def test_a_companion_that_no_rule_names_is_found_by_what_was_read(station: Station) -> None:
    """A file that the converter opened beside its source is archived and warned of."""
    station.code(
        "class Reads(Any):\n"
        "    def outcome(self, source, context):\n"
        "        (source.path.parent / 'sn.config').read_text()\n"
        "        return super().outcome(source, context)\n"
    )
    watch = station.add("reads", "own.Reads", file_patterns=["*.log"])
    (watch / "sn.config").write_bytes(b"4711")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    entry = station.entry()
    assert [(c.name, c.found_by) for c in entry.companions] == [("sn.config", "opened")]
    assert any("sn.config" in warning for warning in entry.warnings)


@pytest.mark.parametrize("link", ["folder", "file", "deep"])
def test_nothing_is_taken_in_through_a_link(station: Station, link: str) -> None:
    """What a link beside a source names is no companion, by rule or by being opened; the entry says that it was read."""
    station.code(
        "class Reads(Any):\n"
        "    def outcome(self, source, context):\n"
        "        for name in ('a/secret.txt', 'a/deep/secret.txt', 'a.txt'):\n"
        "            if (source.path.parent / name).exists():\n"
        "                (source.path.parent / name).read_text()\n"
        "        return super().outcome(source, context)\n"
    )
    rules = ["{stem}/*.txt", "{stem}/*/*.txt", "{stem}.txt", "**/*.txt"]
    watch = station.add("reads", "own.Reads", file_patterns=["*.log"], archive_companions=rules)
    outside = station.root / "outside"
    (outside / "deep").mkdir(parents=True)
    for path in (outside / "secret.txt", outside / "deep" / "secret.txt"):
        path.write_bytes(b"of another account")
    if link == "folder":
        (watch / "a").symlink_to(outside)
    elif link == "deep":
        (watch / "a").mkdir()
        (watch / "a" / "deep").symlink_to(outside / "deep")
    else:
        (watch / "a.txt").symlink_to(outside / "secret.txt")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    entry = station.entry()
    assert entry.companions == ()
    assert any("read through a link beside the source, and not archived" in warning for warning in entry.warnings)


def test_a_watch_folder_reached_through_a_link_has_its_companions(station: Station) -> None:
    """A link above the source's own folder says nothing of what lies beside the source."""
    watch = station.add("with", archive_companions=["{stem}/*.txt"], file_patterns=["*.log"])
    (watch.parent / "real").mkdir()
    watch.rmdir()
    watch.symlink_to(watch.parent / "real")
    (watch / "a").mkdir()
    (watch / "a" / "data.txt").write_bytes(b"data")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    assert [companion.name for companion in station.entry().companions] == ["a/data.txt"]
