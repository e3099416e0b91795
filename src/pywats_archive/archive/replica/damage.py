"""The objects in a vault that a check found damaged or missing, and their repairs, as the archive knows them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica.portion import PURGED
from pywats_archive.catalog import entries, erasing, vault_damage
from pywats_archive.catalog.vault_damage import KnownRepair as KnownRepair  # noqa: PLC0414 (callers have it from here)
from pywats_archive.errors import UnknownEntry
from pywats_archive.models.ids import id_in


def known(archive: Archive, vault: str) -> dict[str, KnownRepair | None]:
    """Return the key of each object that was found damaged, with its repair; None without one."""
    with archive.read() as db:
        return vault_damage.all_of(db, vault)


def note(archive: Archive, vault: str, key: str, repair: KnownRepair | None) -> None:
    """Note durably that an object is damaged, and its repair; an event records both, unless they are noted already."""
    before = known(archive, vault)
    if key not in before or before[key] != repair:
        archive.write(partial(vault_damage.report, vault=vault, key=key, repair=repair, now=archive.now()))


def clear(archive: Archive, vault: str, key: str) -> None:
    """Note durably that an object is whole, if it was known as damaged."""
    if key in known(archive, vault):
        archive.write(partial(vault_damage.clear, vault=vault, key=key))


def lost(archive: Archive, absent: Mapping[str, str], *, since: datetime | None) -> list[str]:
    """Return those of some absent blobs that were neither erased, nor purged before a moment."""
    found = list[str]()
    with archive.read() as db:
        for path, why in sorted(absent.items()):
            if erasing.has_begun(db, id_in(path)):
                continue
            with suppress(UnknownEntry):
                purged_at = entries.get(db, id_in(path)).purged_at
                if why == PURGED and since is not None and (purged_at is None or purged_at < since):
                    continue
            found.append(path)
    return found
