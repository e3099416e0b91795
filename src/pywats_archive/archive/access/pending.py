"""Records pending access notes at once, or waits until a running service has recorded them."""

from __future__ import annotations

import time

from pywats_archive.archive.access import folder
from pywats_archive.archive.access.intake import Intake
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.errors import StorageError

_POLL_S = 0.2


def take_in(archive: Archive, *, within_s: float) -> None:
    """Return once no note waits; StorageError if a running service has not taken them in by then."""
    until_s = time.monotonic() + within_s
    while notes := _waiting(archive):
        if archive.is_owner or not is_owned(archive.root):
            Intake(archive=archive).take_in()
            return
        if time.monotonic() >= until_s:
            raise StorageError(
                f"{notes[0]}: the service has not recorded this access note yet; run 'erase' again later"
            )
        time.sleep(_POLL_S)


def _waiting(archive: Archive) -> list[str]:
    place = folder.place_of(archive.root)
    return sorted(map(str, place.glob(f"*{folder.NOTE_SUFFIX}"))) if place.is_dir() else []
