"""Several files that are archived together, as those that wait in a busy station's watch folder."""

from __future__ import annotations

import math
from pathlib import Path
from unittest import mock

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import batch
from pywats_archive.blobs.flusher import Volume as AnyVolume
from pywats_archive.catalog import savepoints
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.query import EntryFilter
from tests.faults import acts
from tests.faults.place import Place
from tests.faults.steps import Volume

_NAMES = ("a.log", "b.log", "c.log")
_PAIR = _NAMES[:2]


def drop_some(place: Place) -> None:
    """Drop three files."""
    for name in _NAMES:
        place.drop(name, name.encode() * 50)


def drop_pair(place: Place) -> None:
    """Drop two files."""
    for name in _PAIR:
        place.drop(name, name.encode() * 50)


def archive_together(*, whole: bool) -> acts.Act:
    """See and archive what lies in the watch folder, with one flush of the ``whole`` file system, or with fsyncs.

    What was not archived together is archived alone then, as the service does.
    """
    return archive_on(Volume() if whole else None)


def archive_on(volume: AnyVolume | None) -> acts.Act:
    """See and archive what lies in the watch folder, on this file system."""

    def act(archive: Archive, place: Place) -> None:
        archive.blobs.flusher.volume = volume
        at = acts.lane(archive, place, companions=())
        known = at.ledger.latest_at([str(path) for path in acts.listed(at)])
        every = [known.get(str(path)) or acts.enter(at, path) for path in acts.listed(at)]
        seen = [arrival for arrival in every if arrival.state is ArrivalState.SEEN]
        with mock.patch.object(batch, "_LONGEST_S", math.inf):  # on a busy machine, some would be archived alone
            archived = acts.own_intake().archive_several(at, seen)
        for arrival in seen:
            if arrival.number not in archived:
                acts.archive_one(at, arrival)

    return act


def archive_in_parts(archive: Archive, place: Place) -> None:
    """See and archive what lies in the watch folder together, and commit each entry on its own, as if others waited."""
    with (
        mock.patch.object(savepoints, "LEAST_AT_ONCE", 1),
        mock.patch.object(archive.catalog, "is_awaited", lambda: True),
    ):
        archive_on(Volume())(archive, place)


def expect_all(archive: Archive, place: Place) -> None:
    """Expect one entry of each file."""
    found = {Path(entry.source_original_path).name for entry in archive.find(EntryFilter()).items}
    assert found == set(_NAMES), found


def archive_together_and_finish(post_action: str) -> acts.Act:
    """Archive them with one flush, and take each of them to its end."""

    def act(archive: Archive, place: Place) -> None:
        archive_together(whole=True)(archive, place)
        acts.finish_it(post_action)(archive, place)

    return act


def expect_both_removed(archive: Archive, place: Place) -> None:
    """Expect one entry of each of the two files, each done, and none of them in any folder."""
    entries = {Path(entry.source_original_path).name for entry in archive.find(EntryFilter()).items}
    assert entries == set(_PAIR), entries
    found = {name: place.files(name) for name in ("watch", "Done", "Error", "Pending")}
    assert not any(found.values()), found
    assert [account.by_state for account in ledger.accounts(archive)] == [{"done": len(_PAIR)}]
