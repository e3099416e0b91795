"""(m) Live files beside a service that copies a backlog into a vault, over the same service without."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import structlog

from bench import live, pipeline
from bench.figures import Board, Figure
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress, shipped
from pywats_archive.config.vault import OFF, VaultSettings
from pywats_archive.pipeline.service import Service
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault

_ROUNDS, _MOST_FILES, _FEWEST_FILES = 10, 40, 20
_FIRST_FILES = 3
"""Files after a change of the configuration that are not measured: the first one waits for the converter's process."""
_WITHIN_S = 60


def beside(board: Board, base: Path) -> None:
    """(m) Let files arrive one by one while the whole history of the archive in ``base`` is copied, and as many without.

    Each round copies it into another folder.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    pairs = list[tuple[list[float], list[float]]]()
    with pipeline.server() as address:
        config = live.station(base, address, vault_url=OFF)
        with live.running(config) as service, Archive.open(base / "archive") as archive:
            measuring = _Measuring(base, address, service, archive)
            for number in range(_ROUNDS):
                copying = measuring.beside_a_copy(base / f"copy-{number}")
                pairs.append((copying, measuring.alone(len(copying))))
    with_copies, without = ([each for pair in pairs for each in pair[side]] for side in (0, 1))
    assert len(with_copies) >= _FEWEST_FILES, f"only {len(with_copies)} files arrived while the history was copied"
    details: dict[str, Any] = {"copying_ms": round(median(with_copies) * 1e3), "alone_ms": round(median(without) * 1e3)}
    details |= {"files": len(with_copies), "rounds": [round(median(a) / median(b), 2) for a, b in pairs if a]}
    name = "live files' median time beside the copying of a backlog, over without"
    ratio = median(with_copies) / median(without)
    board.add(Figure(figure="m", name=name, ratio=ratio, bound="<= 1.05", details=details))


class _Measuring:
    """Lets files arrive at a running service, with a copy going on and without."""

    def __init__(self, base: Path, address: str, service: Service, archive: Archive) -> None:
        self._base = base
        self._address = address
        self._service = service
        self._archive = archive
        self._number = 0

    def beside_a_copy(self, stored: Path) -> list[float]:
        """Return the delays of files that arrive until the backlog is copied."""
        settings = VaultSettings(vault_url=str(stored))
        marker.create(open_vault(settings))
        backlog = progress.lag(self._archive, settings.vault_url).newest
        self._configure(settings.vault_url)
        _wait(lambda: self._copied(settings.vault_url) > 0)
        took = self._delays(_MOST_FILES, is_over=lambda: self._copied(settings.vault_url) >= backlog)
        _wait(lambda: self._copied(settings.vault_url) >= backlog)
        return took

    def alone(self, number: int) -> list[float]:
        """Return the delays of as many files without a vault."""
        self._configure(OFF)
        time.sleep(1)
        self._delays(_FIRST_FILES)
        return self._delays(number)

    def _configure(self, vault_url: str) -> None:
        live.station(self._base, self._address, vault_url=vault_url, vault_segment_mb=1)
        self._service.reload()

    def _copied(self, vault_url: str) -> int:
        """Return the number of the last event that the vault has."""
        found = shipped.last_segment(self._archive, vault_url, progress.chain_of(self._archive) or "")
        return found.last if found else 0

    def _delays(self, number: int, *, is_over: Callable[[], bool] = lambda: False) -> list[float]:
        first, self._number = self._number, self._number + number
        return live.delays(self._base, range(first, first + number), is_over=is_over)


def _wait(is_done: Callable[[], bool]) -> None:
    until_s = time.monotonic() + _WITHIN_S
    while not is_done():
        assert time.monotonic() < until_s, "the service copied nothing in time"
        time.sleep(0.01)
