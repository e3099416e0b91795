"""Compares the history of an archive with the newest event in a vault, which nobody at the station can change.

A vault may also have other histories of the archive: from before a rebuild of its catalog, or from after a rebuild that is no
longer on record here. They are judged as anchors outside the archive are, but a history that a rebuild kept is only a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from pywats_archive.archive.anchors.replaced import ReplacedHistories
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.layout import CATALOG
from pywats_archive.archive.replica import progress, shipped
from pywats_archive.errors import ArchiveError, KeyMissing, SegmentDamaged
from pywats_archive.models.operation.integrity import Checked, Problem, ProblemKind
from pywats_archive.replication import names
from pywats_archive.replication.choosing import chains_in
from pywats_archive.replication.fetching import description_of, misplaced
from pywats_archive.replication.repair.lookup import repairs_of
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault.store import Vault


def compare(archive: Archive, vault: Vault) -> Iterator[Checked]:
    """Yield what the newest segment says of the history: that both agree, or a problem; a note if the vault cannot be read.

    Then yield a problem or a note for each other history of the archive whose newest event is not in the present one.
    For each history, this takes a list of the segments that the archive does not know, and one request.
    """
    try:
        chain = progress.chain_of(archive) or ""
        yield _of_present(archive, vault, *_newest(archive, vault, chain))
        for other in chains_in(vault, archive.description.archive_uuid):
            if other != chain:
                yield from _of_other(archive, vault, other, _newest(archive, vault, other)[0])
    except ArchiveError as exc:
        yield Checked(note=f"{archive.root}: its history was not compared with the vault: {exc}")


def _of_present(archive: Archive, vault: Vault, newest: SegmentDescription | None, unread: Sequence[str]) -> Checked:
    """Compare with the newest segment that can be read; newer ones that cannot still say with which event they begin."""
    first = names.first_of(unread[0]) if unread else None
    if first and first > (last := progress.newest(archive)):
        message = (
            f"{archive.root}: the vault has {unread[0]}, which cannot be read, and the history here ends with event {last}: "
            "its newest events were cut off"
        )
        return Checked(problem=Problem(kind=ProblemKind.HISTORY_CUT, path=CATALOG, message=message))
    if newest is None:
        return Checked(note=f"{archive.root}: the vault {vault.url} has no segment of its history")
    if problem := difference(archive, newest):
        return Checked(problem=problem)
    at = f"event {newest.last} of {newest.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    newer = "; newer segments cannot be read, run 'vault verify'" if unread else ""
    return Checked(note=f"{archive.root}: its history agrees with the vault {vault.url} up to {at}{newer}")


def _of_other(archive: Archive, vault: Vault, chain: str, newest: SegmentDescription | None) -> Iterator[Checked]:
    """Yield what the newest segment of another history says; nothing if the present one has its event."""
    folder = f"{vault.url}: {names.segments_folder(archive.description.archive_uuid, chain)}"
    if newest is None:
        yield Checked(note=f"{archive.root}: no segment of another history of it can be read ({folder})")
        return
    if (problem := difference(archive, newest)) is None:
        return
    replaced = ReplacedHistories(archive)
    event = f"event {newest.last} of {newest.ended_at:%Y-%m-%d %H:%M:%S} UTC ({folder})"
    if replaced.is_kept(newest.last, newest.hash):
        yield Checked(
            note=f"{archive.root}: a rebuild replaced the history with {event}, and kept it in {CATALOG}.damaged-*"
        )
    elif replaced.is_lost(newest.last, newest.ended_at):
        message = (
            f"{archive.root}: the catalog was rebuilt, and the history with {event} was not kept; account for the rebuild, and "
            "read that history with 'vault restore --until'"
        )
        yield Checked(problem=Problem(kind=ProblemKind.HISTORY_LOST, path=CATALOG, message=message))
    else:
        yield Checked(problem=problem)


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


def _newest(archive: Archive, vault: Vault, chain: str) -> tuple[SegmentDescription | None, list[str]]:
    """Return the description of the newest segment of a history that can be read, and the newer keys, the newest first."""
    uuid = archive.description.archive_uuid
    known = shipped.last_segment(archive, vault.url, chain)
    folder = names.segments_folder(uuid, chain)
    start = names.segment_key(uuid, chain, known.first - 1) if known else ""
    unread: list[str] = []
    for after in dict.fromkeys((start, "")):
        stored = {each.key: each for each in vault.keys(folder, after=after) if names.first_of(each.key) is not None}
        unread.clear()
        for key in sorted(stored, reverse=True):
            with suppress(SegmentDamaged, KeyMissing):  # 'vault verify' names it
                found = description_of(vault, stored[key])
                if not misplaced(key, found, uuid, chain):  # any holder of the station's key could hide a cut with one
                    return found, unread
            if repair := next(repairs_of(vault, key), None):
                return repair.description, unread
            unread.append(key)
    return None, unread
