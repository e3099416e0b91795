"""What Windows has and Wine 8 lacks (Wine alone): CopyFile2, and an answer within microseconds to whether a file exists.

- Wine's CopyFile2 always fails: Python copies files by itself, as before 3.13.
- Wine asks three processes about each file, and an import asks about four: a third of the time that a process needs to
  start. Imports of what is installed read each folder once instead.
"""

import importlib._bootstrap_external as imports
import os
import sys
from functools import cache
from typing import Any

if sys.platform == "win32":
    import _winapi

    if hasattr(_winapi, "CopyFile2"):
        del _winapi.CopyFile2

_INSTALLED = tuple(path.lower() for path in sys.path if path)
"""Python, the packages and the project: no file there changes while tests run."""
_path_stat: Any = getattr(imports, "_path_stat")  # noqa: B009 (has no type)


@cache
def _listed(folder: str) -> dict[str, os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name.lower(): entry.stat() for entry in entries}
    except OSError:
        return {}


def _quick_stat(path: str) -> Any:
    """Return what an import needs to know of a file: its kind, size and time."""
    lower = path.lower()
    if not lower.startswith(_INSTALLED):
        return _path_stat(path)
    folder, _, name = lower.rpartition("\\")
    if name not in _listed(folder):
        raise FileNotFoundError(path)
    return _listed(folder)[name]


setattr(imports, "_path_stat", _quick_stat)  # noqa: B010 (as above)
