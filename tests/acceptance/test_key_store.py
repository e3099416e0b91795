"""The passphrase of the signing key in a key store, which here is a real one in a file (``keyrings.alt``)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.archive.anchors.signing import KEY_FILE

TOKEN = "dGVzdDpzZWNyZXQtb2YtdGhlLXN0YXRpb24="
IN_A_FILE, NONE = "keyrings.alt.file.PlaintextKeyring", "keyring.backends.fail.Keyring"


def with_key_store(backend: str, home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command with a key store in a folder."""
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": backend, "XDG_DATA_HOME": str(home), "APPDATA": str(home)}
    environment |= {"LOCALAPPDATA": str(home), "USERPROFILE": str(home)}
    return command(*words, environment=environment)


@pytest.fixture
def words(station: Station) -> list[str]:
    """The options of a station that does not exist yet."""
    (station.root / "token.txt").write_text(TOKEN, encoding="ascii")
    place = ["--config", str(station.root / "new" / "config.json"), "--converter", "ICT=SPEAConverter"]
    server = ["--server", station.server.address, "--token-file", str(station.root / "token.txt"), "--offline"]
    return ["init", "--yes", "--key-store", *place, *server]


def test_the_passphrase_of_the_key_is_in_the_key_store(station: Station, words: list[str], tmp_path: Path) -> None:
    """The file alone is useless; the account with the key store signs without being asked; a second call changes nothing."""
    done = with_key_store(IN_A_FILE, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    key = station.root / "new" / KEY_FILE
    content = key.read_text("ascii")
    assert "BEGIN ENCRYPTED PRIVATE KEY" in content and "key store of the operating system" in content
    again = with_key_store(IN_A_FILE, tmp_path, *words)
    assert again.returncode == 0 and key.read_text("ascii") == content, again.stderr
    config = station.write_config()
    key.rename(station.root / KEY_FILE)
    (station.add("C") / "SN1.log").write_bytes(b"content")
    station.write_config()
    assert with_key_store(IN_A_FILE, tmp_path, "run", "--until-idle", "--config", config).returncode == 0
    signed = with_key_store(IN_A_FILE, tmp_path, "anchor", "--config", config)
    assert signed.returncode == 0 and signed.stdout.startswith("pywats-archive-anchor-1 "), signed.stderr
    for backend, home, cause in (
        (NONE, tmp_path, "no key store"),
        (IN_A_FILE, tmp_path / "other", "is not in the key store"),
    ):
        refused = with_key_store(backend, home, "anchor", "--config", config)
        assert refused.returncode == 2 and cause in refused.stderr and "PYWATS_ARCHIVE_KEY_PASSPHRASE" in refused.stderr


def test_without_a_key_store_nothing_is_set_up(station: Station, words: list[str], tmp_path: Path) -> None:
    """One line says why; a key that is there already stays as it is."""
    refused = with_key_store(NONE, tmp_path, *words)
    assert refused.returncode == 2 and "no key store" in refused.stderr and not (station.root / "new").exists()
    assert len(refused.stderr.strip().splitlines()) == 1
    place = station.root / "new"
    assert with_key_store(IN_A_FILE, tmp_path, *(each for each in words if each != "--key-store")).returncode == 0
    before = (place / KEY_FILE).read_bytes()
    refused = with_key_store(IN_A_FILE, tmp_path, *words)
    assert refused.returncode == 2 and "exists already" in refused.stderr and (place / KEY_FILE).read_bytes() == before
