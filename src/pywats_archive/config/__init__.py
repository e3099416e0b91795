"""Typed configuration, frozen: ``StationConfig`` is one file, ``ConverterConfig`` one converter in it; reads no file.

``StationOutline`` is what a reader needs of a file. The names of the whole configuration are loaded at their first use, since
pydantic takes longer to import than a reader runs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.config.converter import ConverterConfig as ConverterConfig
    from pywats_archive.config.converter import PostProcessAction as PostProcessAction
    from pywats_archive.config.station import StationConfig as StationConfig

_HOMES = {"ConverterConfig": "converter", "PostProcessAction": "converter", "StationConfig": "station"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pywats_archive.config' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pywats_archive.config.{_HOMES[name]}"), name)
