"""What the verbs of the web pages have in common: the extra, and the folder of the token, the users and the sessions."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from pywats_archive.cli.place import place_of
from pywats_archive.errors import UsageError
from pywats_archive.portable.user import state_folder


def require_pages() -> None:
    """Raise UsageError unless the extra is installed."""
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "argon2")):
        raise UsageError("the web pages are not installed; install pywats-archive[web]")


def plant_folder_of(index: Path, config: Path | None) -> Path:
    """Return the folder for the pages of a plant: that of the configuration, else one of this account.

    It is never that of the index, which may be removed and made again.
    """
    return folder_of(None, config) if config else state_folder(str(index.absolute()))


def folder_of(archive: Path | None, config: Path | None) -> Path:
    """Return the folder of an archive, or of a configuration; for one that is read-only, a folder of this account."""
    place = place_of(archive, config)
    own = (place.path if place.is_archive else place.path.parent).absolute()
    return own if os.access(own, os.W_OK) else state_folder(str(own))
