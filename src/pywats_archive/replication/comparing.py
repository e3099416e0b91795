"""Compares the history of an archive with the newest event that a vault has: nobody at the station can change that one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import CATALOG
from pywats_archive.archive.replica import progress
from pywats_archive.errors import ArchiveError, KeyMissing, SegmentDamaged
from pywats_archive.models.operation.integrity import Checked, Problem, ProblemKind
from pywats_archive.replication import names
from pywats_archive.replication.fetching import description_of
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault.store import Vault


def compare(archive: Archive, vault: Vault) -> Iterator[Checked]:
    """Yield what the newest segment says of the history: that both agree, or a problem; a note if the vault cannot be read.

    Costs a list of the segments that the archive does not know, and one request.
    """
    try:
        newest = _newest(archive, vault)
    except ArchiveError as exc:
        yield Checked(note=f"{archive.root}: its history was not compared with the vault: {exc}")
        return
    if newest is None:
        yield Checked(note=f"{archive.root}: the vault {vault.url} has no segment of its history")
    elif problem := difference(archive, newest):
        yield Checked(problem=problem)
    else:
        at = f"event {newest.last} of {newest.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Checked(note=f"{archive.root}: its history agrees with the vault {vault.url} up to {at}")


def difference(archive: Archive, known: SegmentDescription) -> Problem | None:
    """Return how the history differs from the last event of a segment in the vault; None if it does not."""
    if progress.has_event(archive, known.last, known.hash):
        return None
    newest = progress.newest(archive)
    where = f"{archive.root}: the vault has event {known.last} of {known.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    if known.last > newest:
        message = f"{where}, and the history here ends with event {newest}: its newest events were cut off"
        return Problem(kind=ProblemKind.HISTORY_CUT, path=CATALOG, message=message)
    message = f"{where} with another hash: the history here was altered, or another archive uses its name"
    return Problem(kind=ProblemKind.HISTORY_ALTERED, path=CATALOG, message=message)


def _newest(archive: Archive, vault: Vault) -> SegmentDescription | None:
    """Return the description of the newest segment that can be read; None if there is none."""
    uuid, chain = archive.description.archive_uuid, progress.chain_of(archive) or ""
    known = progress.last_segment(archive, vault.url, chain)
    folder = names.segments_folder(uuid, chain)
    start = names.segment_key(uuid, chain, known.first - 1) if known else ""
    for after in dict.fromkeys((start, "")):
        stored = {each.key: each for each in vault.keys(folder, after=after) if names.first_of(each.key) is not None}
        for key in sorted(stored, reverse=True):
            with suppress(SegmentDamaged, KeyMissing):  # 'vault verify' names it
                return description_of(vault, stored[key])
    return None
