"""What a station needs where it is: a folder converter that would take it is refused, and it is no source anywhere."""

from __future__ import annotations

import json
from os.path import normcase
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.neighbours import NOT_ARCHIVED, spared, way_to

DIRS = {"name": "dirs", "module_path": "own.Dirs", "converter_type": "folder", "watch_folder": "data"}
ICT = {"name": "ict", "module_path": "own.Ict", "watch_folder": "elsewhere/ict"}
AWAY = {key: f"away/{key}" for key in ("done_folder", "error_folder", "pending_folder")}


def write(folder: Path, *sections: dict[str, Any]) -> Path:
    path = folder / "station" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"converters": list(sections)}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("folder", "path", "name"),
    [
        ("/data", "/data/ict", "ict"),
        ("/data", "/data/out/deep/Done", "out"),
        ("/data", "/data", None),
        ("/data", "/database/ict", None),
        ("/data/ict", "/data", None),
    ],
)
def test_the_way_from_one_folder_to_another(folder: str, path: str, name: str | None) -> None:
    """What is named is the item of the folder that would have to be taken to take the other."""
    assert way_to(Path(folder), Path(path)) == name


@pytest.mark.parametrize(
    ("dirs", "ict", "key"),
    [
        ({}, {"watch_folder": "data/ict"}, "watch_folder of converter 'ict'"),
        ({}, {"watch_folder": "data/deep/er/ict", **AWAY}, "watch_folder of converter 'ict'"),
        ({}, {"done_folder": "data/ict-done"}, "done_folder of converter 'ict'"),
        ({}, {"error_folder": "data/ict/Error"}, "error_folder of converter 'ict'"),
        ({}, {"pending_folder": "data/x"}, "pending_folder of converter 'ict'"),
        ({"done_folder": "data/out/Done"}, {}, "done_folder of converter 'dirs'"),
        ({"folder_patterns": ["I*"]}, {"watch_folder": "data/ict"}, "watch_folder of converter 'ict'"),
        ({"watch_folder": ".."}, {}, "the configuration"),
    ],
)
def test_a_neighbour_that_would_be_taken_is_refused(tmp_path: Path, dirs: Any, ict: Any, key: str) -> None:
    """A folder converter whose sources would hold another folder of the station is refused (invariant 12)."""
    with pytest.raises(ConfigError) as caught:
        read_station_config(write(tmp_path, {**DIRS, **AWAY, **dirs}, {**ICT, **ict}))
    message = str(caught.value)
    assert "converter 'dirs': it would take" in message and key in message and "folder_patterns" in message


@pytest.mark.parametrize(
    ("dirs", "ict"),
    [
        ({}, {}),
        ({"done_folder": "data/Done"}, {"done_folder": "data/Done"}),
        ({"folder_patterns": ["DUT*"]}, {"watch_folder": "data/ict"}),
        ({}, {"watch_folder": "data/ict", "enabled": False}),
        ({"enabled": False}, {"watch_folder": "data/ict"}),
        ({"converter_type": "file"}, {"watch_folder": "data/ict"}),
        ({"watch_folder": "elsewhere/ict/deeper"}, {}),
    ],
)
def test_folders_that_nobody_takes_are_no_fault(tmp_path: Path, dirs: Any, ict: Any) -> None:
    """A configuration is only refused when a pattern matches, both converters are used, and sources are folders."""
    read_station_config(write(tmp_path, {**DIRS, **AWAY, **dirs}, {**ICT, **ict}))


@pytest.mark.posix("makes symbolic links")
def test_a_neighbour_is_found_behind_links(tmp_path: Path) -> None:
    """Links are resolved on both sides before folders are compared."""
    (tmp_path / "station" / "data" / "ict").mkdir(parents=True)
    (tmp_path / "station" / "link").symlink_to(tmp_path / "station" / "data")
    for dirs, ict in (("link", "data/ict"), ("data", "link/ict")):
        with pytest.raises(ConfigError, match="it would take"):
            sections = {**DIRS, **AWAY, "watch_folder": dirs}, {**ICT, "watch_folder": ict}
            read_station_config(write(tmp_path, *sections))


def test_whatever_the_station_needs_is_no_source(tmp_path: Path) -> None:
    """Folders of every converter, enabled or not, and the station's own are left out of listings, at any depth."""
    off = {**ICT, "name": "off", "enabled": False, "watch_folder": "data/off/deep/watch"}
    own = {**DIRS, "done_folder": "data/Done"}
    kept = {**ICT, "name": "kept", "enabled": False, "done_folder": "data", "watch_folder": "elsewhere"}
    station = read_station_config(write(tmp_path, own, off, kept))
    assert spared(station.converters[0], station) == {normcase("Done"), "off", NOT_ARCHIVED}

    above = {**DIRS, "watch_folder": "..", "folder_patterns": ["DUT*"]}
    station = read_station_config(write(tmp_path, above))
    assert spared(station.converters[0], station) == {"station"}


def test_the_configuration_is_no_source(tmp_path: Path) -> None:
    """A converter of files that watches the configuration's own folder takes neither it nor what is remembered beside it."""
    beside = {**ICT, "watch_folder": ".", "file_patterns": ["*.json"], **AWAY}
    station = read_station_config(write(tmp_path, beside))
    beside_it = (
        "pywats-archive.json",
        "pywats-archive.key",
        "pywats-archive-identity.txt",
        "pywats-archive-recipients.txt",
    )
    assert spared(station.converters[0], station) == {"config.json", *beside_it}


def test_the_copies_of_former_configurations_are_no_source(tmp_path: Path) -> None:
    """A folder converter beside the configuration leaves them where they are."""
    path = write(tmp_path, {**DIRS, "watch_folder": str(tmp_path / "station"), "folder_patterns": ["LOT*"], **AWAY})
    station = read_station_config(path)
    assert "pywats-archive-former" in spared(station.converters[0], station)
