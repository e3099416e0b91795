"""The replays over the vault of all stations: started, resumed, shown, listed and cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.plant.replaying.replays import PlantReplays


def replays_of(url: str | None = None, *, config: Path | None = None, actor: str | None = None) -> PlantReplays:
    """Return the replays of a vault, with the methods ``start``, ``plan``, ``resume``, ``show``, ``list`` and ``cancel``.

    ``url``: by default ``vault_url`` of ``config``, whose other keys are used too. ``actor``: who starts and cancels replays,
    by default the account of this process. UsageError if neither names a vault. No index is needed.
    """
    from pywats_archive.client.vault.station import settings_of
    from pywats_archive.plant.replaying.replays import PlantReplays

    return PlantReplays(settings_of(config, url), actor=actor)
