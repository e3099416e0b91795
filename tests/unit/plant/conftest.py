"""An empty vault, and stations that end verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.plant.stations import PlantStation

from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault


@pytest.fixture
def vault(tmp_path: Path) -> FolderVault:
    made = FolderVault(tmp_path / "vault")
    marker.create(made)
    return made


@pytest.fixture
def station(tmp_path: Path, vault: FolderVault) -> Iterator[Callable[[str], PlantStation]]:
    """Makes stations by name."""
    made: list[PlantStation] = []

    def make(name: str) -> PlantStation:
        made.append(PlantStation(tmp_path / f"{len(made)}", vault, name))
        return made[-1]

    yield make
    for each in made:
        each.archive.close()
