"""Two stations that ship to one vault, and candidates for their converter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.config.vault import VaultSettings
from pywats_archive.plant.replaying.replays import PlantReplays
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault
from tests.station import CONVERTER, Station

LIVE = """
class Live(Any):
    version = property(lambda self: "1.0")
    def outcome(self, source, context):
        found = report(source.path.stem, limit=5.5, note=context.arguments.get("greeting"))
        return ConverterResult.success_result(report={k: v for k, v in found.items() if v is not None})
"""
FIXED = CONVERTER + LIVE.replace("Live", "Fixed").replace("1.0", "1.1").replace("limit=5.5", "limit=5.0")
TURNING = FIXED.replace(
    "return ConverterResult",
    'found["result"] = "F" if source.path.stem.endswith("3") else "P"\n        return ConverterResult',
)


class Plant:
    """The stations and their vault, in one folder."""

    def __init__(self, root: Path, stations: dict[str, Station]) -> None:
        self.root = root
        self.stations = stations
        self.vault = FolderVault(root / "vault")
        marker.create(self.vault)

    @property
    def settings(self) -> VaultSettings:
        return VaultSettings(vault_url=self.vault.url)

    @property
    def replays(self) -> PlantReplays:
        return PlantReplays(self.settings, actor="engineer")

    def ship(self, limit_bytes: int = 4_000) -> None:
        """Ship all that waits."""
        for name, station in self.stations.items():
            with Archive.open(station.archive_root) as archive:
                for _ in Shipping(archive, self.vault, limit_bytes=limit_bytes, station=name).ship_all():
                    pass

    def candidate(self, text: str) -> str:
        """Write a file with a converter; gives its path."""
        path = self.root / "candidate.py"
        path.write_text(text, encoding="utf-8")
        return f"{path}:Fixed"

    def results(self, run: str) -> dict[Path, tuple[int, bytes]]:
        """Give each result object, with its time."""
        found = (self.root / "vault" / "replays" / run / "results").rglob("*.gz")
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def text(unit: str, number: int) -> tuple[str, bytes]:
    """The name and the content of the source of a unit."""
    return f"{unit}.log", f"{unit} {number}".encode()


@contextmanager
def plant(
    root: Path,
    *,
    sources: int = 6,
    source: Callable[[str, int], tuple[str, bytes]] = text,
    module_path: str = "own.Live",
    limit_bytes: int = 4_000,
    **keys: Any,
) -> Iterator[Plant]:
    """Make two stations with the same converter and other units; each has shipped what it converted."""
    with ExitStack() as stack:
        stations = {}
        for number, name in enumerate(("fct-1", "fct-2")):
            stations[name] = station = stack.enter_context(Station(root / name))
            station.code(LIVE)
            watch = station.add("ict", module_path, arguments={"greeting": name}, **keys)
            for each in range(sources):
                file_name, content = source(f"SN{number}{each:04}", each)
                (watch / file_name).write_bytes(content)
            station.run()
        made = Plant(root, stations)
        made.ship(limit_bytes)
        yield made
