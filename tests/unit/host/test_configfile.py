"""Configurations as pyWATS writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.errors import ConfigError
from pywats_archive.host.configfile import read_station_config


def write(tmp_path: Path, *sections: dict[str, Any], **fields: Any) -> Path:
    """Write a configuration file."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"converters": list(sections), **fields}), encoding="utf-8")
    return path


SECTION = {"name": "csv", "module_path": "own.Csv", "watch_folder": "csv/watch"}


def test_a_configuration_without_our_keys_works(tmp_path: Path) -> None:
    """A pyWATS configuration is read as it is, with the archive off and folders beside the watch folder."""
    station = read_station_config(write(tmp_path, SECTION, station_name="ST-7", api_token="dG9rZW4="))
    (converter,) = station.converters
    assert converter.archive_enabled is False
    assert converter.watch_folder == str(tmp_path / "csv" / "watch")
    assert converter.done_folder == str(tmp_path / "csv" / "Done")
    assert station.server.station_name == "ST-7" and station.server.api_token == "dG9rZW4="
    assert "dG9rZW4=" not in repr(station)


def test_keys_that_pywats_wiped_are_remembered(tmp_path: Path) -> None:
    """Archive keys outlive pyWATS' own saving; a key that is present wins."""
    read_station_config(write(tmp_path, {**SECTION, "archive_enabled": True, "retention_days": 30}))
    (after_wipe,) = read_station_config(write(tmp_path, {**SECTION, "archive_folder": ""})).converters
    assert after_wipe.archive_enabled is True and after_wipe.retention_days == 30
    (changed,) = read_station_config(write(tmp_path, {**SECTION, "retention_days": 7})).converters
    assert changed.retention_days == 7 and changed.archive_enabled is True


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({**SECTION, "compression_level": 12}, ["config.json", "'csv'", "compression_level = 12", "9"]),
        ({**SECTION, "retention_days": 0}, ["retention_days = 0", "1"]),
        ({**SECTION, "on_archive_error": "panic"}, ["on_archive_error", "'hold' or 'continue'"]),
        ({"name": "csv", "module_path": "own.Csv"}, ["'csv'", "watch_folder is missing"]),
        ({**SECTION, "archive_enabled": True, "archive_folder": "csv/watch/archive"}, ["lie within each other"]),
    ],
)
def test_a_bad_value_is_one_clear_error(tmp_path: Path, section: dict[str, Any], told: list[str]) -> None:
    """File, converter, key and range are named."""
    with pytest.raises(ConfigError) as caught:
        read_station_config(write(tmp_path, section))
    assert all(word in str(caught.value) for word in told), str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_converters_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name stands for one converter."""
    with pytest.raises(ConfigError, match="two converters are called 'csv'"):
        read_station_config(write(tmp_path, SECTION, SECTION))


def test_archives_may_be_shared_or_apart(tmp_path: Path) -> None:
    """An empty archive_folder means ``archive`` beside the configuration; each root is named once."""
    sections = [
        {**SECTION, "name": name, "archive_enabled": True, "archive_folder": folder}
        for name, folder in (("a", ""), ("b", ""), ("c", "elsewhere"))
    ]
    station = read_station_config(write(tmp_path, *sections))
    assert station.archive_roots() == (tmp_path / "archive", tmp_path / "elsewhere")


def test_a_wiped_archive_folder_is_remembered(tmp_path: Path) -> None:
    """An archive_folder that pyWATS blanked stays where it was: no second archive is begun in silence."""
    read_station_config(write(tmp_path, {**SECTION, "archive_enabled": True, "archive_folder": "elsewhere"}))
    station = read_station_config(write(tmp_path, {**SECTION, "archive_folder": ""}))
    assert station.archive_roots() == (tmp_path / "elsewhere",)


def test_a_bad_value_is_not_remembered(tmp_path: Path) -> None:
    """Once it is taken out of the configuration, all is well again."""
    with pytest.raises(ConfigError):
        read_station_config(write(tmp_path, {**SECTION, "compression_level": 12}))
    assert read_station_config(write(tmp_path, SECTION)).converters[0].compression_level == 6
