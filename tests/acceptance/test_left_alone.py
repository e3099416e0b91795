"""What a station needs stays where it is, whichever converter's patterns match it."""

from __future__ import annotations

from pathlib import Path

from tests.station import FOLDERS, Station


def test_a_folder_converter_leaves_the_stations_folders(station: Station) -> None:
    """A watch folder that is not used now, and what lies in Done, are no sources of another converter (invariant 12)."""
    station.code(FOLDERS)
    station.add("dirs", "own.Folders", converter_type="folder", watch_folder="data", done_folder="data/Done")
    station.add("off", enabled=False, watch_folder="data/line 2/watch")
    for name in (
        "data/unit/a.txt",
        "data/unit/COMPLETE.marker",
        "data/line 2/watch/b.txt",
        "data/line 2/COMPLETE.marker",
        "data/Done/kept/c.txt",
    ):
        (station.root / name).parent.mkdir(parents=True, exist_ok=True)
        (station.root / name).write_text("x", encoding="utf-8")
    assert station.run().waiting == ()
    assert [Path(entry.source_original_path).name for entry in station.entries()] == ["unit"]
    assert (station.root / "data/line 2/watch/b.txt").exists() and (station.root / "data/Done/kept/c.txt").exists()
    assert (station.root / "data/Done/unit/a.txt").exists()


def test_the_stations_own_files_are_no_sources(station: Station) -> None:
    """A converter of ``*`` that watches the configuration's folder leaves it there, and the key (invariant 12)."""
    station.add("all", watch_folder=".", archive_folder="../archive", done_folder="../Done")
    station.archive_root = station.root.parent / "archive"
    (station.root / "a.log").write_text("a", encoding="utf-8")
    station.run()
    assert {Path(entry.source_original_path).name for entry in station.entries()} == {"a.log"}
    assert {"config.json", "pywats-archive.json", "pywats-archive.key"} <= set(station.names("."))
