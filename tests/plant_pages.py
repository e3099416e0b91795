"""The pages of a plant with a few stations, served from a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pywats_archive.client.plant.index import Plant
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.plant.indexing import Indexing
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault
from pywats_archive.web.plant.app import plant_server
from pywats_archive.web.settings import WebSettings
from tests.unit.plant.stations import Made, PlantStation
from tests.web_server import Pages

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))
FAILED_UNIT = Made(status=ConversionStatus.SUCCESS, units=(1, 2))
NOT_CONVERTED = Made(status=ConversionStatus.FAILED, error=2)
WARNED = Made(status=ConversionStatus.SUCCESS, units=(3,), warnings=("no operator",))


class SmallPlant:
    """Stations, their vault, and the index over it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vault = FolderVault(root / "vault")
        marker.create(self.vault)
        self.stations: list[PlantStation] = []

    @property
    def index(self) -> Path:
        return self.root / "index"

    def station(self, name: str, *made: Made, **more: Any) -> PlantStation:
        """Add a station with these entries, and ship them."""
        station = PlantStation(self.root / f"station{len(self.stations)}", self.vault, name)
        self.stations.append(station)
        for each in made:
            station.add(each, **more)
        station.ship()
        return station

    def update(self, *, days_later: float = 0) -> Plant:
        """Bring the index up to date."""
        now = max(each.aged.now for each in self.stations) + timedelta(days=days_later)
        Indexing(self.index, self.vault, clock=lambda: now).run()
        return Plant(self.index)


@contextmanager
def small_plant(root: Path) -> Iterator[SmallPlant]:
    """Make an empty plant; its stations end closed."""
    made = SmallPlant(root)
    try:
        yield made
    finally:
        for each in made.stations:
            each.archive.close()


@contextmanager
def plant_pages(plant: Plant, root: Path, *, config: Path | None = None) -> Iterator[Pages]:
    """Serve the pages of a plant; ``root`` holds their token and users."""
    server = plant_server(plant, WebSettings(port=0), folder=root, config=config)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Pages(sign_in=server.sign_in)
    finally:
        server.stop()
        thread.join()
