"""The keys of the vault: read, checked, and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywats_archive import redaction
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.groups import read_vault_settings


def write(tmp_path: Path, **fields: object) -> Path:
    """Write a configuration without converters."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"converters": [], **fields}), encoding="utf-8")
    return path


def test_the_keys_are_read(tmp_path: Path) -> None:
    """A configuration without them has no vault; paths of files are relative to its folder."""
    assert read_station_config(write(tmp_path)).vault == VaultSettings()
    path = write(
        tmp_path,
        vault_url=" s3://archives/plant-1/ ",
        vault_endpoint="https://s3.example:8333/",
        vault_region="eu-north-1",
        vault_credentials="vault.key",
        vault_ca_file=str(tmp_path / "ca" / "ca.pem"),
        vault_required=True,
        vault_interval_seconds=60,
        vault_segment_mb=32,
        vault_max_mbit=2.5,
    )
    found = read_station_config(path).vault
    assert found == read_vault_settings(path)
    assert (found.vault_url, found.vault_endpoint) == ("s3://archives/plant-1", "https://s3.example:8333")
    assert (found.vault_credentials, found.vault_ca_file) == (
        str(tmp_path / "vault.key"),
        str(tmp_path / "ca" / "ca.pem"),
    )
    assert (
        found.bucket and (found.bucket.netloc, found.bucket.path) == ("archives", "/plant-1") and found.folder is None
    )


def test_keys_that_pywats_wiped_are_remembered(tmp_path: Path) -> None:
    """As all keys of the station; "off" ends that."""
    folder = tmp_path / "share" / "vault"
    read_station_config(write(tmp_path, vault_url=str(folder), vault_required=True), remember=True)
    assert read_vault_settings(write(tmp_path, vault_url=f"{folder}/")).vault_url == str(folder)
    remembered = read_vault_settings(write(tmp_path))
    assert remembered.folder == folder and remembered.vault_required
    assert read_vault_settings(write(tmp_path, vault_url="off", vault_required=False)) == VaultSettings()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"vault_url": "vault"}, "whole path of a folder"),
        ({"vault_url": "ftp://archives/plant"}, "begins with s3://"),
        ({"vault_url": "https://archives/plant"}, "begins with s3://"),
        ({"vault_url": "s3://key:hidden-7@archives/plant"}, "credentials belong into"),
        ({"vault_url": "s3://archives/plant?versionId=1"}, "credentials belong into"),
        ({"vault_url": "s3://archives/../plant"}, "letters, digits"),
        ({"vault_url": "s3:///plant"}, "write a bucket"),
        ({"vault_url": f"s3://archives/{'p' * 300}"}, "write a bucket"),
        ({"vault_url": 7}, "valid string"),
        ({"vault_endpoint": "s3.example"}, "begins with https://"),
        ({"vault_endpoint": "http://192.0.2.7:8333"}, "in clear"),
        ({"vault_endpoint": "http://localhost.example"}, "in clear"),
        ({"vault_endpoint": "https://key:hidden-7@s3.example"}, "credentials belong into"),
        ({"vault_endpoint": "https://[s3"}, "begins with https://"),
        ({"vault_required": "yes"}, "boolean"),
        ({"vault_required": True}, "names no vault"),
        ({"vault_interval_seconds": 59}, "greater than or equal to 60"),
        ({"vault_interval_seconds": True}, "integer"),
        ({"vault_segment_mb": 33}, "less than or equal to 32"),
        ({"vault_max_mbit": -1}, "greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, keys: dict[str, object], message: str) -> None:
    """One line with file, key and what to write, and no secret in it (invariant 10)."""
    path = write(tmp_path, **keys)
    for read in (read_station_config, read_vault_settings):
        with pytest.raises(ConfigError, match=message) as caught:
            read(path)
        shown = redaction.redacted(str(caught.value))
        assert str(path) in shown and next(iter(keys)) in shown and "hidden-7" not in shown
        assert "hidden-7" not in str(keys) or redaction.redacted("the key is hidden-7") != "the key is hidden-7"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8333", "http://localhost:8333", "http://[::1]:8333"])
def test_this_computer_needs_no_https(endpoint: str) -> None:
    """What never leaves the computer may be in clear."""
    assert VaultSettings(vault_endpoint=endpoint).vault_endpoint == endpoint


def test_a_vault_lies_on_another_disk(tmp_path: Path) -> None:
    """A vault in the archive, or in a watch folder, is lost with it."""
    section = {"name": "csv", "module_path": "own.Csv", "watch_folder": "watch", "archive_enabled": True}
    for folder in ("archive", "watch"):
        path = write(tmp_path, converters=[section], vault_url=str(tmp_path / folder / "vault"))
        with pytest.raises(ConfigError, match=r"vault_url .* lies in .* name a folder on another disk"):
            read_station_config(path)
