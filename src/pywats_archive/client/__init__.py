"""The one API over all archives of a station: ``Client``, and the values that it returns. Each is loaded at its first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.client.api import Client as Client
    from pywats_archive.client.restoring import Restored as Restored
    from pywats_archive.client.status import StationStatus as StationStatus

_HOMES = {"Client": "api", "Restored": "restoring", "StationStatus": "status"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pywats_archive.client' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pywats_archive.client.{_HOMES[name]}"), name)
