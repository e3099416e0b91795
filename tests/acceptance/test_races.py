"""Moments that rarely meet, brought together: what one thread reads while another acts."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import watchfiles
from tests.station import Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.sending import outbox
from pywats_archive.conversion.sending.items import OutboxItem
from pywats_archive.errors import CatalogError, SourceChanged, SourceVanished
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.composition.parts import StationParts
from pywats_archive.pipeline.folders.listing import Listed, SourceListing
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.pipeline.watcher import Watcher


def test_a_listing_older_than_the_ledger_finds_nothing_new(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that left after the folder was listed is not entered again, nor said to have vanished (invariant 12)."""
    watch = station.add("late")
    (watch / "a.log").write_bytes(b"x")
    listing, before, left = SourceListing.read, dict[str, FileStamp](), [3]

    def late(folder: SourceListing) -> Listed:
        found = listing(folder)
        before.update(found.sources)
        left[0] -= not found.sources
        return replace(found, sources=dict(before)) if left[0] > 0 else found

    monkeypatch.setattr(SourceListing, "read", late)
    station.run()
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_a_run_does_not_end_before_what_the_server_took_is_out_of_the_folder(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the server's answer and the move to Done nothing waits for the server, and yet the run goes on."""
    watch = station.add("last", settle_seconds=0)
    (watch / "a.log").write_bytes(b"x")
    station.server.stop()
    with station.serving():
        wait_for(lambda: station.entries() and station.details().reports)
    station.server.start()
    counting, counted, stored, settled = (
        threading.Event(),
        submissions.waiting_reports,
        outbox._start_archived,
        StationParts.on_answer,
    )

    def look_once_it_is_counted(*told: Any) -> list[OutboxItem]:
        counting.wait(3)
        return stored(*told)

    def count_slowly(archive: Archive) -> int:
        counting.set()
        deadline = time.monotonic() + 3
        while counted(archive) and time.monotonic() < deadline:
            time.sleep(0.02)
        return counted(archive)

    def settle_late(parts: StationParts, *told: Any) -> None:
        time.sleep(0.5)
        settled(parts, *told)

    monkeypatch.setattr(outbox, "_start_archived", look_once_it_is_counted)
    monkeypatch.setattr(submissions, "waiting_reports", count_slowly)
    monkeypatch.setattr(StationParts, "on_answer", settle_late)
    station.run()
    assert station.names("last/Done") == ["a.log"]


def test_a_source_that_is_released_while_the_folder_is_looked_at_is_not_taken_twice(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scan knew of a source before it was handled is not believed after (invariants 5, 12)."""
    station.code(
        "class Slow(Any):\n"
        "    def outcome(self, source, context):\n"
        f"        while not os.path.exists({str(station.root / 'go')!r}): time.sleep(0.02)\n"
        "        return super().outcome(source, context)\n"
    )
    watch = station.add("once", "own.Slow")
    looked_at: list[Lane] = []
    account, latest_at = Watcher._compare, ArchiveLedger.latest_at

    def account_of(watcher: Watcher, lane: Lane, *told: Any) -> None:
        looked_at[:] = [lane]
        account(watcher, lane, *told)

    def look_up_until_it_is_released(books: ArchiveLedger, paths: Any) -> Any:
        if (watch / "b.log").exists() and looked_at and looked_at[0].scan.active:
            (station.root / "go").touch()
            wait_for(lambda: not looked_at[0].scan.active)
        return latest_at(books, paths)

    monkeypatch.setattr(Watcher, "_compare", account_of)
    monkeypatch.setattr(ArchiveLedger, "latest_at", look_up_until_it_is_released)
    with station.serving():
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["converting"])
        (watch / "b.log").write_bytes(b"b")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    with station.archive() as archive:
        assert [len(archive.details(entry.archive_id).conversions) for entry in station.entries()] == [1, 1]


@pytest.mark.parametrize("trouble", [SourceVanished, SourceChanged])
def test_a_companion_that_goes_while_it_is_archived_stops_its_source_only_for_a_while(
    station: Station, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    """An archived source whose companion went or changed is tried again, and never said to have vanished (invariant 12)."""
    watch = station.add("beside")
    post_convert, left = ArchiveInterceptor.post_convert, [1]

    def trouble_once(interceptor: ArchiveInterceptor, *told: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise trouble("beside.txt: gone or changed")
        return post_convert(interceptor, *told, **named)

    monkeypatch.setattr(ArchiveInterceptor, "post_convert", trouble_once)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done"])
    assert station.names("beside/Done") == ["a.log"]


def test_a_source_that_still_lies_there_has_not_vanished(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a companion, or a file in a folder, goes while the source is archived, the source is read again (invariant 12)."""
    watch = station.add("beside")
    pre_convert, left = ArchiveInterceptor.pre_convert, [1]

    def trouble_once(interceptor: ArchiveInterceptor, *told: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise SourceVanished("beside.txt: gone before it could be archived")
        return pre_convert(interceptor, *told, **named)

    monkeypatch.setattr(ArchiveInterceptor, "pre_convert", trouble_once)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: station.names("beside/Done") == ["a.log"])
        wait_for(lambda: [a.state.value for a in station.arrivals()][-1:] == ["done"])
    assert [a.state.value for a in station.arrivals()] == ["done"]


def test_an_answer_that_could_not_be_told_is_told_again(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the catalog fails just after a report was accepted, its source leaves all the same, without a restart."""
    watch = station.add("told")
    settled, left = Processor.note_answer, [1]

    def trouble_once(handling: Processor, *told: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise CatalogError("disk I/O error")
        return settled(handling, *told)

    monkeypatch.setattr(Processor, "note_answer", trouble_once)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: station.names("told/Done") == ["a.log"])
    assert [len(bodies) for bodies in station.server.received.values()] == [1]


def test_what_comes_before_anybody_listens_is_taken_soon(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that comes after the first look, while the listening begins, does not wait for the next minute."""
    began, may_listen, changes = threading.Event(), threading.Event(), watchfiles.watch

    def late(*watched: str, **how: Any) -> Any:
        began.set()
        may_listen.wait(10)
        return changes(*watched, **how)

    monkeypatch.setattr(watchfiles, "watch", late)
    watch = station.add("early", settle_seconds=0)
    with station.serving():
        began.wait(10)
        time.sleep(1)
        (watch / "a.log").write_bytes(b"a")
        time.sleep(0.5)
        may_listen.set()
        wait_for(lambda: station.names("early/Done") == ["a.log"])
