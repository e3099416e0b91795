"""What each action does to some entries, with an outcome for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pywats_archive.client import Client
from pywats_archive.errors import ArchiveError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.purge import Obstacle

KEPT = {
    Obstacle.HELD: "held",
    Obstacle.PENDING: "not finished",
    Obstacle.UNSUBMITTED: "with a report that the server has not accepted",
    Obstacle.NOT_IN_VAULT: "not confirmed by the vault",
    Obstacle.ALTERED: "with a record that names a file of another entry",
}
"""Why an entry that a person names is not purged."""


class Bulk(str, Enum):
    """An action over many entries."""

    RESTORE = "restore"
    HOLD = "hold"
    RELEASE = "release"
    PURGE = "purge"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How an action is done, and for whom."""

    by: str
    reason: str = ""
    """Why entries are held."""
    folder: Path = Path()
    """Where sources are restored."""
    reports: bool = False
    """Whether reports are restored too."""
    going: frozenset[str] = frozenset()
    """The entries that may be purged: those that were confirmed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one entry."""

    archive_id: str
    is_done: bool
    """False if it stays as it was."""
    text: str


Carry = Callable[[Client, Sequence[str], Order], Iterator[Outcome]]


def _hold(client: Client, archive_ids: Sequence[str], order: Order) -> Iterator[Outcome]:
    for archive_id, entry in _entries(client, archive_ids):
        if entry and entry.hold_reason:
            yield _left(archive_id, f"was held already by {entry.held_by}: {entry.hold_reason}")
            continue
        yield _tried(
            archive_id,
            "held",
            lambda of=archive_id: client.retention.hold([of], order.reason, actor=order.by),  # type: ignore[misc]
        )


def _release(client: Client, archive_ids: Sequence[str], order: Order) -> Iterator[Outcome]:
    for archive_id, entry in _entries(client, archive_ids):
        if entry and not entry.hold_reason:
            yield _left(archive_id, "was not held")
            continue
        yield _tried(
            archive_id,
            "released",
            lambda of=archive_id: client.retention.release([of], actor=order.by),  # type: ignore[misc]
        )


def _restore(client: Client, archive_ids: Sequence[str], order: Order) -> Iterator[Outcome]:
    for archive_id in archive_ids:
        try:
            (restored,) = client.restore([archive_id], order.folder, actor=order.by, reports=order.reports)
        except ArchiveError as exc:
            yield _left(archive_id, str(exc))
            continue
        is_whole = restored.error is None
        yield Outcome(archive_id=archive_id, is_done=is_whole, text=restored.error or str(restored.path))


def _purge(client: Client, archive_ids: Sequence[str], order: Order) -> Iterator[Outcome]:
    decided = {each.archive_id: each.obstacle for _, each in client.retention.preview_named(archive_ids)}
    going = [archive_id for archive_id, obstacle in decided.items() if not obstacle and archive_id in order.going]
    if going:
        client.retention.purge_named(going, actor=order.by)
    for archive_id, entry in _entries(client, archive_ids):
        obstacle = decided.get(archive_id)
        if obstacle:
            yield _left(archive_id, f"stays: it is {KEPT.get(obstacle, obstacle.value)}")
        elif entry and entry.purged_at:
            is_new = archive_id in going
            yield Outcome(archive_id=archive_id, is_done=is_new, text="purged" if is_new else "was purged before")
        else:
            yield _left(archive_id, "stays: it changed meanwhile")


CARRIED_OUT: dict[Bulk, Carry] = {
    Bulk.RESTORE: _restore,
    Bulk.HOLD: _hold,
    Bulk.RELEASE: _release,
    Bulk.PURGE: _purge,
}
"""What carries out each action."""


def _entries(client: Client, archive_ids: Sequence[str]) -> Iterator[tuple[str, ArchiveEntry | None]]:
    found = client.find(EntryFilter(archive_ids=tuple(archive_ids)), limit=len(archive_ids))
    by_id = {entry.archive_id: entry for entry in found.items}
    yield from ((archive_id, by_id.get(archive_id)) for archive_id in archive_ids)


def _tried(archive_id: str, done: str, act: Callable[[], object]) -> Outcome:
    try:
        act()
    except ArchiveError as exc:
        return _left(archive_id, str(exc))
    return Outcome(archive_id=archive_id, is_done=True, text=done)


def _left(archive_id: str, why: str) -> Outcome:
    return Outcome(archive_id=archive_id, is_done=False, text=why)
