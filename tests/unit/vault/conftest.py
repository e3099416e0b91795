"""A vault of each kind."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.seaweed import Seaweed

from pywats_archive.config.vault import VaultSettings
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import MARKER, Vault


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.long)])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """A vault that was created."""
    settings = VaultSettings(vault_url=str(tmp_path / "vault"))
    if request.param == "bucket":
        server: Seaweed = request.getfixturevalue("seaweed")
        settings = server.settings(tmp_path, f"every/{uuid4()}")
    made = open_vault(settings)
    made.put_new(MARKER, b"{}")
    return made
