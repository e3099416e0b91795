"""Archives every source before it is converted and every report before it is sent; finds, verifies and restores them.

The public names are listed here, and each is loaded at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.client import Client as Client
    from pywats_archive.config import ConverterConfig as ConverterConfig
    from pywats_archive.config import PostProcessAction as PostProcessAction
    from pywats_archive.conversion.interceptor import ArchiveInterceptor as ArchiveInterceptor
    from pywats_archive.models.entry import ArchiveEntry as ArchiveEntry
    from pywats_archive.models.entry import ConversionStatus as ConversionStatus
    from pywats_archive.models.operation.integrity import Thoroughness as Thoroughness
    from pywats_archive.models.operation.replay import ReprocessingResult as ReprocessingResult
    from pywats_archive.models.operation.statistics import ArchiveStatistics as ArchiveStatistics
    from pywats_archive.models.retention.policy import RetentionPolicy as RetentionPolicy
    from pywats_archive.models.retention.purge import PurgeStatistics as PurgeStatistics
    from pywats_archive.models.retention.purge import SpaceEstimate as SpaceEstimate
    from pywats_archive.reprocessing.engine import ReprocessingEngine as ReprocessingEngine
    from pywats_archive.retention.engine import RetentionEngine as RetentionEngine
    from pywats_archive.storage import ArchiveStorage as ArchiveStorage

_HOMES = {
    "ArchiveEntry": "models.entry",
    "ArchiveInterceptor": "conversion.interceptor",
    "ArchiveStatistics": "models.operation.statistics",
    "ArchiveStorage": "storage",
    "Client": "client",
    "ConversionStatus": "models.entry",
    "ConverterConfig": "config",
    "PostProcessAction": "config",
    "PurgeStatistics": "models.retention.purge",
    "ReprocessingEngine": "reprocessing.engine",
    "ReprocessingResult": "models.operation.replay",
    "RetentionEngine": "retention.engine",
    "RetentionPolicy": "models.retention.policy",
    "SpaceEstimate": "models.retention.purge",
    "Thoroughness": "models.operation.integrity",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 (a list, made from the names above)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pywats_archive' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pywats_archive.{_HOMES[name]}"), name)
