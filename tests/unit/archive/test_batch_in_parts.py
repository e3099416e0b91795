"""The entries of a batch are committed in parts while others wait for the catalog."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, wait_for
from tests.unit.archive.busy_station import Busy
from tests.unit.archive.busy_station import busy as busy  # noqa: PLC0414 (a fixture)

from pywats_archive.archive.sources import ingest
from pywats_archive.archive.sources.batch import archive_several
from pywats_archive.catalog import entries
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.entry import ArchiveEntry


def test_another_file_does_not_wait_for_all(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is to be committed meanwhile comes between the parts of a batch, and each file has one entry."""
    names = [f"{number:02}.log" for number in range(20)]
    sources, begun, order = [busy.seen(path) for path in busy.drop(*names)], threading.Event(), list[str]()
    single = busy.seen(busy.drop("live.log")[0])
    add, writer = entries.add, busy.archive.catalog._writer

    def noting(tx: Connection, entry: ArchiveEntry) -> int:
        order.append(Path(entry.source_original_path).name)
        if len(order) == 1:
            begun.set()
            wait_for(writer.is_awaited)
        return add(tx, entry)

    monkeypatch.setattr(entries, "add", noting)
    thread = threading.Thread(target=lambda: begun.wait(PATIENCE_S) and ingest.archive_source(busy.archive, single))
    thread.start()
    outcomes = archive_several(busy.archive, sources)
    thread.join()
    assert all(isinstance(outcome, ArchiveEntry) for outcome in outcomes)
    assert order == [*names[:8], "live.log", *names[8:]] and busy.entries().keys() == set(order)


@pytest.mark.parametrize("commit", [1, 2])
def test_a_part_that_fails_takes_no_other_along(busy: Busy, monkeypatch: pytest.MonkeyPatch, commit: int) -> None:
    """Entries of the parts that are committed stay, with their blobs; a failed part and the rest have the error."""
    monkeypatch.setattr(busy.archive.catalog, "is_awaited", lambda: True)
    sources = [busy.seen(path) for path in busy.drop(*(f"{number:02}.log" for number in range(20)))]
    busy.steps.begin()
    busy.steps.plan = {("commit", commit): OSError(5, "bad block")}
    outcomes = archive_several(busy.archive, sources)
    stored = [isinstance(outcome, ArchiveEntry) for outcome in outcomes]
    assert stored == [True] * 8 * (commit - 1) + [False] * (20 - 8 * (commit - 1))
    assert busy.blobs() == {entry.source_archived_path for entry in busy.entries().values()}
