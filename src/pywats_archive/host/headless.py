"""Importing pyWATS' client where there is no Qt.

pywats-api 0.6.0rc1 imports ``PySide6.QtCore`` for three names while its client package is imported, although nothing of a
converter needs them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # never run: shows the import contracts what only this package may import
    import pywats  # noqa: F401
    import pywats_client  # noqa: F401

_NAMES = ("PySide6", "PySide6.QtCore")
_LOCK = threading.RLock()


def pywats_module(name: str) -> Any:
    """Import a module of pyWATS, or of code that imports pyWATS."""
    known = sys.modules.get(name)
    if known is not None and not getattr(known.__spec__, "_initializing", False):
        return known
    with _LOCK, _stand_in():
        return importlib.import_module(name)


@contextmanager
def _stand_in() -> Iterator[None]:
    """Let ``PySide6.QtCore`` be importable for a moment, where it is not installed."""
    if "PySide6" in sys.modules or importlib.util.find_spec("PySide6") is not None:
        yield
        return
    package, core = (ModuleType(name) for name in _NAMES)
    core.__dict__.update(QObject=_QObject, Signal=_Signal, QThread=_QObject)
    sys.modules.update(zip(_NAMES, (package, core), strict=True))
    try:
        yield
    finally:
        for name in _NAMES:
            sys.modules.pop(name, None)


class _QObject:
    def __init__(self, *arguments: object) -> None:
        pass


class _Signal:
    def __init__(self, *arguments: object) -> None:
        pass
