"""Where a probe can lie, and which folders a configuration uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywats_archive.doctor.findings import Role
from pywats_archive.doctor.places import Shelter, Watcher, places_of, shelter_in
from pywats_archive.host.settings.configfile import read_station_config

WATCH = Path("/st/watch").absolute()
FILES = Watcher(folder=WATCH, accepts_folders=False)
FOLDERS = Watcher(folder=WATCH, accepts_folders=True, own_folders=(WATCH / "Done",))


@pytest.mark.parametrize(
    ("watchers", "folder", "shelter"),
    [
        ([], WATCH, Shelter.FOLDER),
        ([FILES], WATCH, Shelter.FOLDER),
        ([FOLDERS], WATCH, Shelter.FILES),
        ([FILES, FOLDERS], WATCH, Shelter.NONE),
        ([FOLDERS], WATCH.parent, Shelter.FOLDER),
        ([FOLDERS], WATCH / "unit", Shelter.NONE),
        ([FOLDERS], WATCH / "Done", Shelter.FOLDER),
        ([FILES], WATCH / "Done", Shelter.FOLDER),
        ([Watcher(folder=WATCH, accepts_folders=False, companion_rules=("{stem}/*.txt",))], WATCH, Shelter.FOLDER),
        ([Watcher(folder=WATCH, accepts_folders=False, companion_rules=("*/*.txt",))], WATCH, Shelter.NONE),
        ([Watcher(folder=WATCH, accepts_folders=False, companion_rules=("**/*",))], WATCH / "Done", Shelter.NONE),
        ([Watcher(folder=WATCH, accepts_folders=False, companion_rules=("Do*/*",))], WATCH / "Done", Shelter.NONE),
    ],
)
def test_no_probe_can_be_a_source_or_a_companion(watchers: list[Watcher], folder: Path, shelter: Shelter) -> None:
    """Where files are sources a probe is a folder, where folders are it is files, and where all is taken there is none."""
    assert shelter_in(folder, watchers) is shelter


def test_each_folder_of_the_enabled_converters_is_named_once(tmp_path: Path) -> None:
    """Shared folders are listed once with all their uses; disabled and scheduled converters have none to examine."""
    common = {"module_path": "own.C", "archive_enabled": True, "archive_folder": "arc"}
    sections = [
        {**common, "name": "a", "watch_folder": "a/watch", "done_folder": "Done"},
        {**common, "name": "b", "watch_folder": "b/watch", "done_folder": "Done", "converter_type": "folder"},
        {**common, "name": "off", "watch_folder": "off/watch", "enabled": False},
        {**common, "name": "cron", "converter_type": "scheduled"},
    ]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"converters": sections}))
    places = {place.path.relative_to(tmp_path).as_posix(): place for place in places_of(read_station_config(path))}
    beside = {f"{name}/{folder}" for name in "ab" for folder in ("watch", "Error", "Pending")}
    assert places.keys() == {"arc", "Done", *beside}
    done = places["Done"]
    assert [(use.role, use.converter) for use in done.uses] == [(Role.DONE, "a"), (Role.DONE, "b")]
    assert done.watches == (tmp_path / "a" / "watch", tmp_path / "b" / "watch") and done.accepts_folders
