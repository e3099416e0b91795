"""A converter of a replay does not get the credentials of the vault."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from pywats_archive.config.vault import VaultSettings
from pywats_archive.plant.replaying.work.process import ReplayProcess


@pytest.mark.long
def test_converter_processes_have_no_credentials_of_the_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the environment of the worker, and in none of its converters, nor of what these start (invariant 10)."""
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "GOOGLE_SERVICE_ACCOUNT_KEY")
    for name in (*names, "OF_A_CONVERTER"):
        monkeypatch.setenv(name, "s3cret")
    with closing(ReplayProcess(VaultSettings(vault_url=str(tmp_path)), 1)) as process:
        found = {name: process.pool.run(os.getenv, name, timeout_s=60) for name in (*names, "OF_A_CONVERTER")}
    assert found == {**dict.fromkeys(names), "OF_A_CONVERTER": "s3cret"}
