"""Configurations as pyWATS writes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.errors import ConfigError
from pywats_archive.host.settings import configfile, state_file
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.state_file import STATE_FILE
from pywats_archive.portable.files import WINDOWS


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
    read_station_config(write(tmp_path, {**SECTION, "archive_enabled": True, "retention_days": 30}), remember=True)
    (after_wipe,) = read_station_config(write(tmp_path, {**SECTION, "archive_folder": ""})).converters
    assert after_wipe.archive_enabled is True and after_wipe.retention_days == 30
    (changed,) = read_station_config(write(tmp_path, {**SECTION, "retention_days": 7})).converters
    assert changed.retention_days == 7 and changed.archive_enabled is True


@pytest.mark.skipif(WINDOWS, reason="Windows has no fsync of a folder")
def test_remembered_keys_survive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it has its name, and the folder after that."""
    synced: list[int] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    state_file.remember(tmp_path / "config.json", state_file.ARCHIVES, {"/archive": "uuid"})
    assert synced == [(tmp_path / state_file.STATE_FILE).stat().st_ino, tmp_path.stat().st_ino]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({**SECTION, "compression_level": 12}, ["config.json", "'csv'", "compression_level = 12", "9"]),
        ({**SECTION, "archive_enable": True}, ["config.json", "'csv'", "'archive_enable'", "'archive_enabled'"]),
        ({**SECTION, "retention_days": 0}, ["retention_days = 0", "1"]),
        ({**SECTION, "on_archive_error": "panic"}, ["on_archive_error", "'hold' or 'continue'"]),
        ({"name": "csv", "module_path": "own.Csv"}, ["'csv'", "watch_folder is missing"]),
        ({**SECTION, "archive_enabled": True, "archive_folder": "csv/watch/archive"}, ["lie within each other"]),
        ({**SECTION, "done_folder": "csv/watch/../watch"}, ["done_folder", "is its watch_folder"]),
    ],
)
def test_a_bad_value_is_one_clear_error(tmp_path: Path, section: dict[str, Any], told: list[str]) -> None:
    """File, converter, key and range are named."""
    with pytest.raises(ConfigError) as caught:
        read_station_config(write(tmp_path, section))
    assert all(word in str(caught.value) for word in told), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["watch_folder", "done_folder", "error_folder", "pending_folder", "archive_folder"])
@pytest.mark.parametrize(
    ("windows", "folder"),
    [
        (False, "D:/wats-archive"),
        (False, "d:\\logs"),
        (False, "E:"),
        (False, "\\\\server\\share"),
        (False, "ict\\watch"),
        (True, "/srv/wats"),
    ],
)
def test_a_path_of_the_other_operating_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, folder: str, windows: bool
) -> None:
    """No folder is made of a path that belongs on another computer: file, converter and key are named (invariant 11)."""
    monkeypatch.setattr(configfile, "WINDOWS", windows)
    with pytest.raises(ConfigError) as caught:
        read_station_config(write(tmp_path, {**SECTION, key: folder}))
    system = "POSIX" if windows else "Windows"
    assert all(
        word in str(caught.value) for word in ("config.json", "'csv'", f"{key} = {folder!r}", f"a {system} path")
    )
    with pytest.raises(ConfigError, match="converters_folder"):
        read_station_config(write(tmp_path, SECTION, converters_folder=folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]


@pytest.mark.parametrize("folder", ["//server/share", "a:b/archive", "./größe/archive"])
def test_a_name_that_only_looks_foreign_is_taken(tmp_path: Path, folder: str) -> None:
    """A colon further on, or two slashes, make no Windows path."""
    if os.name == "nt" and ":" in folder:
        pytest.skip("no file of Windows may have a colon in its name")
    section = {**SECTION, "archive_enabled": True, "archive_folder": folder}
    (root,) = read_station_config(write(tmp_path, section)).archive_roots()
    assert root == tmp_path / folder


def test_two_converters_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name stands for one converter."""
    with pytest.raises(ConfigError, match="two converters are called 'csv'"):
        read_station_config(write(tmp_path, SECTION, SECTION))


@pytest.mark.parametrize("watch", ["old", "old/sources"])
def test_a_watch_folder_in_an_archive_that_is_not_used_is_refused(tmp_path: Path, watch: str) -> None:
    """The files of that archive would be taken as sources; a source that is named like one of them is none."""
    (tmp_path / "old" / "sources").mkdir(parents=True)
    (tmp_path / "old" / "archive.json").touch()
    path = write(tmp_path, {**SECTION, "watch_folder": watch})
    assert read_station_config(path).converters[0].watch_folder == str(tmp_path / watch)
    (tmp_path / "old" / "metadata.db").touch()
    with pytest.raises(ConfigError, match=r"lies in the archive .*old"):
        read_station_config(path)


def test_archives_may_be_shared_or_apart(tmp_path: Path) -> None:
    """An empty archive_folder means ``archive`` beside the configuration; each root is named once."""
    sections = [
        {**SECTION, "name": name, "archive_enabled": True, "archive_folder": folder}
        for name, folder in (("a", ""), ("b", ""), ("c", "elsewhere"))
    ]
    station = read_station_config(write(tmp_path, *sections))
    assert station.archive_roots() == (tmp_path / "archive", tmp_path / "elsewhere")


def test_the_time_allowed_for_a_report_is_remembered(tmp_path: Path) -> None:
    """The key of the whole station outlives pyWATS' own saving too; one that is present wins."""
    told = [read_station_config(write(tmp_path, SECTION, **keys), remember=True) for keys in _TIMES]
    assert [station.server.submit_timeout_seconds for station in told] == [30, 90, 90, 45]


_TIMES: tuple[dict[str, Any], ...] = ({}, {"submit_timeout_seconds": 90}, {}, {"submit_timeout_seconds": 45})


@pytest.mark.parametrize("value", [0, -1, 4000, "soon", float("inf"), float("nan")])
def test_a_time_that_no_report_could_have_is_refused(tmp_path: Path, value: object) -> None:
    """One error names file, key, value and range."""
    with pytest.raises(ConfigError, match=r"config\.json: submit_timeout_seconds = "):
        read_station_config(write(tmp_path, SECTION, submit_timeout_seconds=value))


def test_the_backup_folder_is_remembered_and_apart_from_archives_and_watch_folders(tmp_path: Path) -> None:
    """pyWATS drops the key; a folder that is lost with the archive, or whose files would be converted, is refused."""
    section = {**SECTION, "archive_enabled": True}
    told = [
        read_station_config(write(tmp_path, section, **keys), remember=True) for keys in ({"backup_folder": "b"}, {})
    ]
    assert [station.backup_folder for station in told] == [tmp_path / "b"] * 2
    for folder in ("archive/backups", SECTION["watch_folder"], 5):
        with pytest.raises(ConfigError, match="backup_folder"):
            read_station_config(write(tmp_path, section, backup_folder=folder))


def test_a_wiped_archive_folder_is_remembered(tmp_path: Path) -> None:
    """pyWATS' configurator empties ``archive_folder``; the archive stays where it is."""
    section = {**SECTION, "archive_enabled": True, "archive_folder": "elsewhere"}
    before = read_station_config(write(tmp_path, section), remember=True)
    after = read_station_config(write(tmp_path, {**SECTION, "archive_folder": "", "retention_days": None}))
    assert before.archive_roots() == after.archive_roots() == (tmp_path / "elsewhere",)


def test_reading_alone_writes_nothing(tmp_path: Path) -> None:
    """Only the service, which asks for it, writes the state file."""
    section = {**SECTION, "archive_enabled": True, "archive_folder": "elsewhere"}
    read_station_config(write(tmp_path, section))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_bad_value_is_not_remembered(tmp_path: Path) -> None:
    """Taking a bad value out of the configuration mends it."""
    with pytest.raises(ConfigError):
        read_station_config(write(tmp_path, {**SECTION, "compression_level": 12}), remember=True)
    (converter,) = read_station_config(write(tmp_path, SECTION)).converters
    assert converter.compression_level == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n  "converters": [,]\n}', ["line 2, column 18"]),
        ("[]", ["holds no JSON object"]),
        ('{"converters": {}}', ["'converters' is not a list"]),
        ('{"service_address": 5}', ["service_address is not text but int"]),
        ('{"api_token": ["dG9rZW4="]}', ["api_token is not text but list"]),
        ('{"station_presets": 5, "multi_station_enabled": true}', ["cannot be read"]),
        ('{"converters": [{"name": ["x"], "module_path": "a", "watch_folder": "w"}]}', ["name = ['x']"]),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, text: str, told: list[str]) -> None:
    """Nothing is repaired, and no value of a secret key is told."""
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_station_config(path)
    assert all(word in str(caught.value) for word in ["config.json", *told]), str(caught.value)
    assert "dG9rZW4=" not in str(caught.value) and path.read_text(encoding="utf-8") == text


def test_a_missing_or_unreadable_file_is_told(tmp_path: Path) -> None:
    """A wrong path and wrong bytes are one clear error each."""
    with pytest.raises(ConfigError, match="there is no such file"):
        read_station_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigError, match="not UTF-8 at byte 7"):
        read_station_config(tmp_path / "config.json")


def test_what_pywats_tolerates_is_read(tmp_path: Path) -> None:
    """A byte order mark, no converters and keys of other programs are no reason to refuse."""
    path = tmp_path / "config.json"
    path.write_text('{"converters": null, "proxy": {"unknown": 1}, "station_name": "A"}', encoding="utf-8-sig")
    station = read_station_config(path)
    assert station.converters == () and station.server.station_name == "A"


def test_credentials_come_from_where_pywats_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment stands in for empty keys; a registered client uses what the server gave it."""
    monkeypatch.setenv("PYWATS_SERVER_URL", "https://env.example")
    monkeypatch.setenv("PYWATS_API_TOKEN", "ZW52")
    server = read_station_config(write(tmp_path)).server
    assert (server.service_address, server.api_token) == ("https://env.example", "ZW52")
    given = {"client_id": "PC-1", "passcode": "s3same", "base_url": "https://given.example"}
    (tmp_path / "client_credentials.json").write_text(json.dumps(given))
    server = read_station_config(write(tmp_path, registration_enabled=True, api_token="b2xk")).server
    assert (server.service_address, server.api_token) == ("https://given.example", "UEMtMTpzM3NhbWU=")


def test_a_memory_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Reading goes on; only what pyWATS wipes later is lost."""
    (tmp_path / f".{STATE_FILE}.{os.getpid()}.part").mkdir()
    station = read_station_config(write(tmp_path, {**SECTION, "retention_days": 7}))
    assert station.converters[0].retention_days == 7 and not (tmp_path / STATE_FILE).exists()
