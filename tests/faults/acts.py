"""What is done while steps fail: each act goes on from wherever the ledger says that it stopped, as the service does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.restore import source as restore
from pywats_archive.archive.results import conversions, reports, runs, submissions
from pywats_archive.archive.results.current import current
from pywats_archive.archive.sources import ingest, reading
from pywats_archive.archive.sources.leaving import is_private
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.sending.items import LONGEST_DELAY
from pywats_archive.models.arrival import Arrival, ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus, SourceKind
from pywats_archive.models.operation.replay import ItemResult, ItemState, ReplayRequest, RunState
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.deferred.backfill import archive_parked
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.folders.listing import SourceListing
from pywats_archive.pipeline.lanes.converter import ConverterBreaker
from pywats_archive.pipeline.lanes.lane import Attachment, Lane, new_scan
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger
from pywats_archive.pipeline.lanes.returning import give_back
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing import intake
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.intake import Intake, NotArchived
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.retention import enforcing
from tests.faults.place import Place

OWN_ID = str(uuid.UUID(int=7))
DOCUMENTS = (b'{"sn":"S1"}', b'{"sn":"S2","id":"%s"}' % OWN_ID.encode())
OTHER_DOCUMENTS = (b'{"sn":"S9"}',)
CHANGED_DOCUMENTS = tuple(body.replace(b'{"sn"', b'{"limit":5,"sn"') for body in DOCUMENTS)
Act = Callable[[Archive, Place], None]


def lane(
    archive: Archive,
    place: Place,
    post_action: str = "move",
    *,
    companions: tuple[str, ...] = ("{stem}.extra",),
    **keys: bool,
) -> Lane:
    """Give the service's lane of work for this place."""
    fields = {"name": "c", "module_path": "m.C", "watch_folder": str(place.watch), "post_action": post_action}
    folders = {f"{name.lower()}_folder": str(place.folder / name) for name in ("Done", "Error", "Pending")}
    config = ConverterConfig.model_validate({**fields, **folders, "archive_companions": list(companions), **keys})
    return Lane(
        config=config,
        job=_unused(),
        converter=ConverterBreaker({}),
        listing=SourceListing(config),
        ledger=ArchiveLedger(archive, "c"),
        scan=new_scan(config),
        attachment=Attachment(archive=archive, interceptor=ArchiveInterceptor(archive, config, key=bytes(32))),
    )


def _unused() -> Any:
    """Stands for what a scenario never comes to: no converter runs, nothing is sent."""
    return None


def handling() -> Processor:
    """Give the service's own handling, without converter processes and outbox."""
    return Processor(
        _unused(),
        _unused(),
        clock=_unused,
        failures=ArchiveFailures(_unused()),
        spool=_spool(),
        counts=RunCounts(),
        late_writes=LateWrites(_unused()),
        stuck=_unused(),
        on_withheld=_unused,
    )


def archive_it(archive: Archive, place: Place) -> None:
    """See and archive what lies in the watch folder."""
    at = lane(archive, place)
    for path in listed(at):
        if path.suffix in (".extra", ".opened"):
            continue
        arrival = at.ledger.latest_at([str(path)]).get(str(path)) or enter(at, path)
        if arrival.state in (ArrivalState.SEEN, ArrivalState.ARCHIVED):
            archive_one(at, arrival)


def listed(at: Lane) -> list[Path]:
    """List the watch folder as a scan does: what a crash left under a private name has its own one again."""
    give_back(at, at.listing.read().leaving)
    return sorted(path for path in Path(at.config.watch_folder).iterdir() if not is_private(path.name))


def own_intake() -> Intake:
    """Give the service's own intake; nobody hears its alerts."""
    return Intake(ArchiveFailures(_unused()))


def archive_one(at: Lane, arrival: Arrival) -> None:
    """Archive what was seen, alone."""
    try:
        assert at.attachment
        own_intake().archive(at, at.attachment, arrival, busy=False)
    except NotArchived as exc:
        raise exc.cause from exc


def enter(at: Lane, path: Path) -> Arrival:
    """See what lies at a path."""
    now = reading.stamp_of(path)
    sighting = ledger.Sighting(path=str(path), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return at.ledger.enter([sighting])[0]


def convert_it(archive: Archive, place: Place) -> None:
    """Archive it, and put a conversion with two reports on record."""
    convert_to(archive, place, _documents)


def convert_to(archive: Archive, place: Place, documents: Callable[[Archive, str], tuple[bytes, ...]]) -> None:
    """Archive it, and put a conversion on record, with the reports that ``documents`` returns for the entry's id."""
    archive_it(archive, place)
    at = lane(archive, place)
    for arrival in at.ledger.unfinished():
        if arrival.state is ArrivalState.CONVERTING and arrival.archive_id and at.interceptor:
            at.interceptor.post_convert(
                archive.entry(arrival.archive_id),
                ConversionResult(status=ConversionStatus.SUCCESS, documents=documents(archive, arrival.archive_id)),
                arrival_id=arrival.arrival_id,
                next_state=NextState(state=ArrivalState.WAITING),
            )


def _documents(archive: Archive, archive_id: str) -> tuple[bytes, ...]:
    """Give the reports of an entry; the one of a second source is of another unit."""
    first = min(entry.archive_id for entry in archive.find(EntryFilter()).items)
    return DOCUMENTS if archive_id == first else OTHER_DOCUMENTS


def submit_it(archive: Archive, place: Place) -> None:
    """Take it to where the server has its reports."""
    convert_it(archive, place)
    for report in submissions.due_reports(archive, limit=10, longest_delay=LONGEST_DELAY):
        submissions.record_try(archive, report, state=SubmissionState.ACCEPTED)


def finish_it(post_action: str) -> Act:
    """Take it to its end with one post action."""

    def act(archive: Archive, place: Place) -> None:
        submit_it(archive, place)
        at = lane(archive, place, post_action)
        for arrival in at.ledger.unfinished():
            if arrival.state is ArrivalState.WAITING:
                handling().finish(at, arrival)

    return act


def submit_and_replace(archive: Archive, place: Place) -> None:
    """Take it to where the server has its reports; another source takes its place meanwhile."""
    submit_it(archive, place)
    place.replace("unit.log", b"replaced" * 50)


def finish_both(archive: Archive, place: Place) -> None:
    """Take a source to its end that was replaced, and what took its place; where inodes do not tell, its end does."""
    for _ in range(2):
        enter_what_is_new(lane(archive, place), place)
        finish_it("move")(archive, place)


def set_aside(archive: Archive, place: Place) -> None:
    """Take it to Pending, suspended by its converter, once."""
    archive_it(archive, place)
    at = lane(archive, place)
    for arrival in at.ledger.unfinished():
        if arrival.state is ArrivalState.CONVERTING and arrival.archive_id and at.interceptor:
            at.interceptor.post_convert(
                archive.entry(arrival.archive_id),
                ConversionResult(status=ConversionStatus.SUSPENDED, error="not yet"),
                arrival_id=arrival.arrival_id,
                next_state=NextState(state=ArrivalState.SUSPENDED, retry_after=timedelta(), attempts=1),
            )
            intake.set_aside(at, replace(arrival, state=ArrivalState.SUSPENDED))


def retry_it(archive: Archive, place: Place) -> None:
    """Bring it back from Pending, and take it to Done."""
    at = lane(archive, place)
    enter_what_is_new(at, place)
    for arrival in at.ledger.unfinished():
        if arrival.state in (ArrivalState.SUSPENDED, ArrivalState.CONVERTING):
            back = intake.bring_back(at, arrival)
            archive_one(at, back)
    finish_it("move")(archive, place)


def enter_what_is_new(at: Lane, place: Place) -> None:
    """Enter what a scan would find to be new, at a moment when only the ledger tells what is not."""
    for path in listed(at):
        known = at.ledger.latest_at([str(path)]).get(str(path))
        if known is None or not at.accounts_for(known, reading.stamp_of(path)):
            enter(at, path)


def restore_it(archive: Archive, place: Place) -> None:
    """Restore every entry, each of which may be restored before."""
    for entry in archive.find(EntryFilter()).items:
        restore.restore_source(archive, entry.archive_id, place.restored)


def add_report(archive: Archive, place: Place) -> None:
    """Add one more report, as the library's user does: what it is told of, it repeats."""
    (entry,) = archive.find(EntryFilter()).items
    if len(archive.reports_of(entry.archive_id)) < 3:
        reports.add_report(archive, entry.archive_id, b'{"sn":"S3"}')


def add_companion(archive: Archive, place: Place) -> None:
    """Archive what a converter was seen to read beside its source."""
    (entry,) = archive.find(EntryFilter()).items
    ingest.add_companions(archive, entry, [place.watch / "unit.opened"], found_by="opened")


def share_companion(archive: Archive, place: Place) -> None:
    """Archive several sources, and with each the same file beside them: from the second one on it is shared."""
    archive_it(archive, place)
    for entry in archive.find(EntryFilter(newest_first=False)).items:
        ingest.add_companions(archive, entry, [place.watch / "unit.opened"], found_by="opened")


def share_source(archive: Archive, place: Place) -> None:
    """Archive a source with another one as its companion, then that one as a source, with the first as its companion."""
    at, (one, other) = lane(archive, place), sorted(place.watch.iterdir())
    for path, beside in ((one, other), (other, one)):
        arrival = at.ledger.latest_at([str(path)]).get(str(path)) or enter(at, path)
        if arrival.state in (ArrivalState.SEEN, ArrivalState.ARCHIVED):
            archive_one(at, arrival)
        (entry,) = (each for each in archive.find(EntryFilter()).items if each.source_original_path == str(path))
        ingest.add_companions(archive, entry, [beside], found_by="opened")


def give_and_take(archive: Archive, place: Place) -> None:
    """Give the reserve up, as on a full disk, let the catalog grow, and take the reserve again."""
    archive.reserve.release()
    see_it(archive, place)
    archive.reserve.allocate()


def recover_it(archive: Archive, place: Place) -> None:
    """Recover, then go on."""
    recover(archive)
    convert_it(archive, place)


def take_result(archive: Archive, place: Place) -> None:
    """Archive a scheduled converter's result, once."""
    if not archive.find(EntryFilter()).items:
        sighting = ledger.Sighting(path="scheduled/c-1.json", size_bytes=2, mtime_ns=1)
        known = ledger.latest_at(archive, "c", [sighting.path]) or {"": ledger.enter(archive, "c", [sighting])[0]}
        (arrival,) = known.values()
        source = ingest.NewSource(path=Path(sighting.path), converter_name="c", arrival_id=arrival.arrival_id)
        ingest.archive_result(archive, source, b"{}")


def put_aside(archive: Archive, place: Place) -> None:
    """Put a source aside that was converted while the archive could not take it."""
    see_it(archive, place)
    at = lane(archive, place)
    result = ConversionResult(status=ConversionStatus.SUCCESS, documents=DOCUMENTS)
    for arrival in at.ledger.unfinished():
        ending = Ending(state=ArrivalState.DONE, destination=Destination.DONE)
        spool = _spool()
        spool.park(spool.begin(at.config, arrival, result, now=archive.now()), at.config, arrival, ending)


def _spool() -> Spool:
    return Spool(Seal(lambda: b"key"))


def settle_owed(archive: Archive, place: Place) -> None:
    """Archive what is owed; what a crash left open is converted again from the archive."""
    at = lane(archive, place)
    spool = _spool()
    for parked in spool.parked(at.config):
        assert at.interceptor
        archive_parked(archive, at.interceptor, at.config, parked, spool=spool)
    finish_it("move")(archive, place)


class _Cut(BaseException):
    """The end of a process, told without ending it."""


def leave_behind(until: Act, act: Act) -> Act:
    """Make what a crash leaves just before ``act`` commits, and two files half-written."""

    def prepare(archive: Archive, place: Place) -> None:
        until(archive, place)

        def cut(unit: object) -> None:
            raise _Cut

        archive.write = cut  # type: ignore[assignment, method-assign]  # (this archive is closed after it)
        with suppress(_Cut):
            act(archive, place)
        (place.root / ".restore-1.part").write_bytes(b"half")
        next((place.root / "sources").glob("*/*/*")).joinpath(".1-1.part").write_bytes(b"half")

    return prepare


def take_two(archive: Archive, place: Place) -> None:
    """Take two sources to their end; one is a folder."""
    place.drop("other/a.csv", b"a")
    finish_it("move")(archive, place)


def purge_it(archive: Archive, place: Place) -> None:
    """Purge the file by hand, with its companions and reports, unless it is purged."""
    kept = [entry for entry in archive.find(EntryFilter()).items if not entry.purged_at]
    going = [entry.archive_id for entry in kept if entry.source_kind is SourceKind.FILE]
    enforcing.purge_named(archive, going, actor="person")


def replay_it(archive: Archive, place: Place) -> None:
    """Replay what is there and send what changed, in a run that is resumed until it is done."""
    with runs.reprocessing(archive):
        ids = [entry.archive_id for entry in archive.find(EntryFilter()).items]
        request = ReplayRequest(submit_to_server=True)
        begun = runs.latest(archive) or (runs.get(archive, runs.begin(archive, request, ids, actor="person")),)
        number = begun[0].run_id
        for archive_id in runs.planned(archive, number, 10):
            before = current(archive, archive_id).conversion
            assert before
            again = replace(before, conversion_id=None, attempt=0, started_at=archive.now(), run_id=number)
            done = ItemResult(archive_id=archive_id, state=ItemState.DONE)
            new = conversions.NewConversion(conversion=again, documents=CHANGED_DOCUMENTS, run_item=done)
            conversions.record_conversion(archive, new)
        runs.end_if_done(archive, number, actor="person")


def finish_and_replay(archive: Archive, place: Place) -> None:
    """Take it to its end, and replay it once."""
    finish_it("move")(archive, place)
    replay_it(archive, place)


def roll_back(archive: Archive, place: Place) -> None:
    """Take back what the run did."""
    with runs.reprocessing(archive):
        (run,) = runs.latest(archive)
        for item in runs.items(archive, run.run_id):
            runs.roll_back(archive, run.run_id, item.archive_id, actor="person")
        if run.state is not RunState.ROLLED_BACK:
            runs.end(archive, run.run_id, RunState.ROLLED_BACK, actor="person")


def see_it(archive: Archive, place: Place) -> None:
    """Enter what lies in the watch folder as seen."""
    at = lane(archive, place)
    for path in listed(at):
        if path.suffix != ".extra" and not at.ledger.latest_at([str(path)]):
            enter(at, path)
