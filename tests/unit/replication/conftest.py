"""An archive with a few entries, and an empty vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.filled import fill

from pywats_archive.archive.core import Archive
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    fill(tmp_path, files=6)
    with Archive.open(tmp_path / "archive", own=True) as made:
        yield made


@pytest.fixture
def vault(tmp_path: Path) -> FolderVault:
    made = FolderVault(tmp_path / "vault")
    made.put_new(MARKER, b"{}")
    return made
