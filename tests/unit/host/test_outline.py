"""What a reader needs of a configuration is the same as the whole configuration says, or the whole is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.config.keys import ARCHIVE_KEYS
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.outline import read_outline
from pywats_archive.host.settings.state_file import STATE_FILE

PLAIN = {"name": "ICT", "module_path": "own.Any", "watch_folder": "in"}
SECTIONS: tuple[dict[str, Any], ...] = (
    PLAIN,
    {**PLAIN, "archive_enabled": True},
    {**PLAIN, "archive_enabled": True, "archive_folder": "kept", "done_folder": "in/fertig"},
    {**PLAIN, "archive_folder": None, "file_patterns": None, "enabled": None},
    {
        **PLAIN,
        "archive_folder": str(Path("/elsewhere").absolute()),
        "file_patterns": ["*.csv", "*.log"],
        "converter_type": "file",
    },
    {**PLAIN, "converter_type": "folder", "folder_patterns": ["B*"], "enabled": False},
    {"name": "timer", "module_path": "own.Any", "converter_type": "scheduled", "schedule_interval_seconds": 60},
    {**PLAIN, "archive_enabled": "yes", "enabled": 1},
    {**PLAIN, "pending_folder": "", "error_folder": "./E/../F", "watch_folder": "./a/../b"},
    {**PLAIN, "anything": {"else": [1]}, "archive_enabled": True},
)
UNCLEAR: tuple[dict[str, Any], ...] = (
    {**PLAIN, "archive_folder": 7},
    {**PLAIN, "archive_folder": "~/archive"},
    {**PLAIN, "watch_folder": "in\0"},
    {**PLAIN, "archive_enable": True},
    {**PLAIN, "name": ""},
    {**PLAIN, "name": None},
    {**PLAIN, "converter_type": "files"},
    {**PLAIN, "file_patterns": "*.csv"},
    {**PLAIN, "file_patterns": [1]},
    {**PLAIN, "archive_folder": "a" * 300},
)


def written(folder: Path, *sections: dict[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"converters": sections}), encoding="utf-8")
    return path


@pytest.mark.parametrize("section", SECTIONS, ids=range(len(SECTIONS)))
def test_the_outline_is_that_of_the_whole(tmp_path: Path, section: dict[str, Any]) -> None:
    """Defaults, absolute folders, nulls, values to be converted, keys of others."""
    path = written(tmp_path, section, {**PLAIN, "name": "other", "watch_folder": "other"})
    assert read_outline(path) == read_station_config(path).outline()


@pytest.mark.parametrize("section", UNCLEAR, ids=range(len(UNCLEAR)))
def test_a_fault_of_a_folder_is_the_same_error(tmp_path: Path, section: dict[str, Any]) -> None:
    """A reader finds no archive in a place that the service would refuse."""
    path = written(tmp_path, section)
    with pytest.raises(ConfigError) as whole:
        read_station_config(path)
    with pytest.raises(ConfigError) as outline:
        read_outline(path)
    assert str(outline.value) == str(whole.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"converters": 1}', '{"converters": [1]}', "[" * 100_000, "\ufeff{}\n{}"]
)
def test_what_is_no_configuration_is_the_same_error(tmp_path: Path, text: str) -> None:
    """Nor is there one when the file is missing, or is a folder."""
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    for place in (path, tmp_path, tmp_path / "none.json"):
        with pytest.raises(ConfigError) as whole:
            read_station_config(place)
        with pytest.raises(ConfigError) as outline:
            read_outline(place)
        assert str(outline.value) == str(whole.value)


def test_keys_that_pywats_dropped_are_remembered(tmp_path: Path) -> None:
    """The archive's folder comes from the state file if the configuration has lost it."""
    path = written(tmp_path, {**PLAIN, "archive_folder": ""})
    remembered = {"converters": {"ICT": {"archive_enabled": True, "archive_folder": "kept"}}}
    (tmp_path / STATE_FILE).write_text(json.dumps(remembered), encoding="utf-8")
    assert read_outline(path).archive_roots() == (tmp_path / "kept",)
    assert "archive_folder" in ARCHIVE_KEYS and read_outline(path) == read_station_config(path).outline()


def test_two_converters_of_one_name_are_refused(tmp_path: Path) -> None:
    """Nobody can say which of them an entry is of."""
    with pytest.raises(ConfigError, match="two converters are called 'ICT'"):
        read_outline(written(tmp_path, PLAIN, PLAIN))


def test_a_fault_that_no_reader_needs_to_know_stops_none(tmp_path: Path) -> None:
    """Entries are found while the configuration is being corrected."""
    path = written(tmp_path, {**PLAIN, "archive_enabled": True, "retention_days": -1})
    assert read_outline(path).archive_roots() == (tmp_path / "archive",)
    with pytest.raises(ConfigError, match="retention_days"):
        read_station_config(path)
