"""What is done while steps fail: each act goes on from wherever the ledger says that it stopped, as the service does."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pywats_archive.archive import ingest, ledger, purging, record, restore, runs, sources
from pywats_archive.archive.core import Archive
from pywats_archive.archive.current import current
from pywats_archive.archive.recover import recover
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor, NextState
from pywats_archive.conversion.outbox import LONGEST_DELAY
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus, SourceKind
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.replay import ItemResult, ItemState, ReplayRequest, RunState
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline import owed
from pywats_archive.pipeline.books import ArchiveBooks
from pywats_archive.pipeline.decide import Destination, Ending
from pywats_archive.pipeline.failing import Failing
from pywats_archive.pipeline.handling import Handling, _NotArchived
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.watcher import is_new
from pywats_archive.retention import enforcing
from tests.faults.place import Place

OTHER_FILE_SYSTEM = Path("/dev/shm")
OWN_ID = str(uuid.UUID(int=7))
DOCUMENTS = (b'{"sn":"S1"}', b'{"sn":"S2","id":"%s"}' % OWN_ID.encode())
CHANGED_DOCUMENTS = tuple(body.replace(b'{"sn"', b'{"limit":5,"sn"') for body in DOCUMENTS)
Act = Callable[[Archive, Place], None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``prepare`` makes the state before, ``act`` is done while steps fail and is repeatable, ``expect`` checks its end."""

    drop: Callable[[Place], Any]
    prepare: Act = lambda archive, place: None
    act: Act
    expect: Act = lambda archive, place: None
    is_new: bool = False
    """There is no archive before: making it is part of the act."""


def drop_file(place: Place) -> None:
    """Drop one file."""
    place.drop("unit.log", b"measured" * 50)


def drop_large_file(place: Place) -> None:
    """Drop a file whose blob is written in several steps."""
    place.drop("unit.log", uuid.UUID(int=3).bytes * 40_000)


def drop_folder(place: Place) -> None:
    """Drop a folder with a folder in it."""
    place.drop("unit/a.csv", b"a")
    place.drop("unit/deep/b.csv", b"b")


def drop_with_companions(place: Place) -> None:
    """Drop a file with what is read beside it."""
    drop_file(place)
    place.drop("unit.extra", b"companion")


def drop_with_opened(place: Place) -> None:
    """Drop a file with one beside it that no rule names."""
    drop_file(place)
    place.drop("unit.opened", b"read")


def drop_beside_pending(place: Place) -> None:
    """Drop a file whose name another one has in Pending."""
    drop_file(place)
    (place.folder / "Pending").mkdir()
    (place.folder / "Pending" / "unit.log").write_bytes(b"another")


def across(drop: Callable[[Place], Any]) -> Callable[[Place], Any]:
    """Have Done on another file system."""

    def act(place: Place) -> None:
        drop(place)
        (place.folder / "Done").symlink_to(tempfile.mkdtemp(prefix="pywats-archive-test-", dir=OTHER_FILE_SYSTEM))

    return act


def line(archive: Archive, place: Place, post_action: str = "move") -> Line:
    """Give the service's line of work for this place."""
    fields = {"name": "c", "module_path": "m.C", "watch_folder": str(place.watch), "post_action": post_action}
    folders = {f"{name.lower()}_folder": str(place.folder / name) for name in ("Done", "Error", "Pending")}
    config = ConverterConfig.model_validate({**fields, **folders, "archive_companions": ["{stem}.extra"]})
    interceptor, nobody = ArchiveInterceptor(archive, config, key=bytes(32)), _unused()
    books = ArchiveBooks(archive, "c")
    return Line(config=config, job=nobody, description=None, books=books, archive=archive, interceptor=interceptor)


def _unused() -> Any:
    """Stands for what a scenario never comes to: no converter runs, nothing is sent."""
    return None


def handling() -> Handling:
    """Give the service's own handling, without converter processes and outbox."""
    return Handling(_unused(), _unused(), clock=_unused, failing=Failing(_unused()), promises=set())


def archive_it(archive: Archive, place: Place) -> None:
    """See and archive what lies in the watch folder."""
    at = line(archive, place)
    for path in sorted(place.watch.iterdir()):
        if path.suffix in (".extra", ".opened"):
            continue
        arrival = at.books.latest_at([str(path)]).get(str(path)) or _enter(at, path)
        if arrival.state in (ArrivalState.SEEN, ArrivalState.ARCHIVED):
            _archive(at, arrival)


def _archive(at: Line, arrival: Arrival) -> None:
    try:
        handling()._archived(at, arrival, busy=False)
    except _NotArchived as exc:
        raise exc.cause from exc


def _enter(at: Line, path: Path) -> Arrival:
    now = sources.signature(path)
    sighting = ledger.Sighting(path=str(path), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns)
    return at.books.enter([sighting])[0]


def convert_it(archive: Archive, place: Place) -> None:
    """Archive it, and put a conversion with two reports on record."""
    archive_it(archive, place)
    at = line(archive, place)
    for arrival in at.books.unfinished():
        if arrival.state is ArrivalState.CONVERTING and arrival.archive_id and at.interceptor:
            at.interceptor.post_convert(
                archive.entry(arrival.archive_id),
                ConversionResult(status=ConversionStatus.SUCCESS, documents=DOCUMENTS),
                started_at=archive.now(),
                arrival_id=arrival.arrival_id,
                next_state=NextState(state=ArrivalState.WAITING),
            )


def submit_it(archive: Archive, place: Place) -> None:
    """Take it to where the server has its reports."""
    convert_it(archive, place)
    for report in record.due_reports(archive, limit=10, longest_delay=LONGEST_DELAY):
        record.record_try(archive, report, state=SubmissionState.ACCEPTED)


def finish_it(post_action: str) -> Act:
    """Take it to its end with one post action."""

    def act(archive: Archive, place: Place) -> None:
        submit_it(archive, place)
        at = line(archive, place, post_action)
        for arrival in at.books.unfinished():
            if arrival.state is ArrivalState.WAITING:
                handling().finish(at, arrival)

    return act


def set_aside(archive: Archive, place: Place) -> None:
    """Take it to Pending, suspended by its converter, once."""
    archive_it(archive, place)
    at = line(archive, place)
    for arrival in at.books.unfinished():
        if arrival.state is ArrivalState.CONVERTING and arrival.archive_id and at.interceptor:
            at.interceptor.post_convert(
                archive.entry(arrival.archive_id),
                ConversionResult(status=ConversionStatus.SUSPENDED, error="not yet"),
                started_at=archive.now(),
                arrival_id=arrival.arrival_id,
                next_state=NextState(state=ArrivalState.SUSPENDED, retry_at=archive.now(), attempts=1),
            )
            handling()._set_aside(at, replace(arrival, state=ArrivalState.SUSPENDED))


def retry_it(archive: Archive, place: Place) -> None:
    """Bring it back from Pending, and take it to Done."""
    at = line(archive, place)
    _enter_what_is_new(at, place)
    for arrival in at.books.unfinished():
        if arrival.state in (ArrivalState.SUSPENDED, ArrivalState.CONVERTING):
            back = handling()._brought_back(at, arrival)
            _archive(at, back)
    finish_it("move")(archive, place)


def _enter_what_is_new(at: Line, place: Place) -> None:
    """Enter what a scan would find to be new, at a moment when only the ledger tells what is not."""
    for path in place.watch.iterdir():
        known = at.books.latest_at([str(path)]).get(str(path))
        if is_new(known, sources.signature(path)):
            _enter(at, path)


def restore_it(archive: Archive, place: Place) -> None:
    """Restore every entry, each of which may be restored before."""
    for entry in archive.find(EntryFilter()).items:
        restore.restore_source(archive, entry.archive_id, place.restored)


def add_report(archive: Archive, place: Place) -> None:
    """Add one more report, as the library's user does: what it is told of, it repeats."""
    (entry,) = archive.find(EntryFilter()).items
    if len(archive.reports_of(entry.archive_id)) < 3:
        record.add_report(archive, entry.archive_id, b'{"sn":"S3"}')


def add_companion(archive: Archive, place: Place) -> None:
    """Archive what a converter was seen to read beside its source."""
    (entry,) = archive.find(EntryFilter()).items
    ingest.add_companions(archive, entry, [place.watch / "unit.opened"], found_by="opened")


def give_and_take(archive: Archive, place: Place) -> None:
    """Give the reserve up, as on a full disk, let the catalog grow, and take the reserve again."""
    archive.reserve.give_up()
    see_it(archive, place)
    archive.reserve.take()


def expect_reserve(archive: Archive, place: Place) -> None:
    """The reserve is whole, once it is taken while there is room."""
    assert archive.reserve.take() and (place.root / "reserve").stat().st_blocks * 512 >= 15_000_000
    assert [account.by_state for account in ledger.accounts(archive)] == [{"seen": 1}]


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
    at = line(archive, place)
    result = ConversionResult(status=ConversionStatus.SUCCESS, documents=DOCUMENTS)
    for arrival in at.books.unfinished():
        ending = Ending(state=ArrivalState.DONE, destination=Destination.DONE)
        promises: set[Path] = set()
        folder = owed.promise(at.config, arrival, result, now=archive.now(), open_=promises)
        owed.keep(folder, arrival, ending, open_=promises)


def settle_owed(archive: Archive, place: Place) -> None:
    """Archive what is owed; what a crash left open is converted again from the archive."""
    at = line(archive, place)
    for kept in owed.waiting(at.config):
        assert at.interceptor
        owed.settle(archive, at.interceptor, at.config, kept)
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


def expect_purged(archive: Archive, place: Place) -> None:
    """The file is purged and the folder kept: no byte of the first is there, every byte of the other, and history tells it."""
    (purged,) = [entry for entry in archive.find(EntryFilter()).items if entry.purged_at]
    lying = [path for top in ("sources", "reports") for path in archive.blobs.paths(top)]
    assert purged.source_kind is SourceKind.FILE and len(lying) == 3, lying
    assert not [path for path in lying if purged.archive_id in path], lying
    told = [event.kind for event in archive.details(purged.archive_id).events]
    assert told.count("entry.purged") == 1 and not purging.is_any_unfinished(archive)


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
            new = record.NewConversion(conversion=again, documents=CHANGED_DOCUMENTS, run_item=done)
            record.record_conversion(archive, new)
        runs.end_if_done(archive, number, actor="person")


def finish_and_replay(archive: Archive, place: Place) -> None:
    """Take it to its end, and replay it once."""
    finish_it("move")(archive, place)
    replay_it(archive, place)


def expect_replayed(archive: Archive, place: Place) -> None:
    """The run is done, with one conversion, whose reports wait under the ids they always had."""
    expect_reports(archive, place)
    (run,) = runs.latest(archive)
    assert run.state is RunState.DONE and run.done == 1, run
    now = current(archive, archive.find(EntryFilter()).items[0].archive_id)
    assert [each.run_id for each in now.past] == [None, run.run_id] and now.conversion == now.past[-1]
    assert [archive.document(each) for each in now.reports][1] == CHANGED_DOCUMENTS[1]
    assert {each.submission_state for each in now.reports} == {SubmissionState.WAITING}


def roll_back(archive: Archive, place: Place) -> None:
    """Take back what the run did."""
    with runs.reprocessing(archive):
        (run,) = runs.latest(archive)
        for item in runs.items(archive, run.run_id):
            runs.set_back(archive, run.run_id, item.archive_id, actor="person")
        if run.state is not RunState.ROLLED_BACK:
            runs.end(archive, run.run_id, RunState.ROLLED_BACK, actor="person")


def expect_rolled_back(archive: Archive, place: Place) -> None:
    """The first conversion is shown again, nothing of the run's is sent, and no history is lost."""
    expect_reports(archive, place)
    now = current(archive, archive.find(EntryFilter()).items[0].archive_id)
    assert now.conversion == now.past[0] and len(now.past) == 2
    assert not record.due_reports(archive, limit=10, longest_delay=LONGEST_DELAY)
    assert runs.latest(archive)[0].state is RunState.ROLLED_BACK


def see_it(archive: Archive, place: Place) -> None:
    """Enter what lies in the watch folder as seen."""
    at = line(archive, place)
    for path in place.watch.iterdir():
        if path.suffix != ".extra" and not at.books.latest_at([str(path)]):
            _enter(at, path)


def expect_reports(archive: Archive, place: Place) -> None:
    """One entry, two reports under the ids they have for ever."""
    (entry,) = archive.find(EntryFilter()).items
    ids = {(r.ordinal, r.report_id) for r in archive.reports_of(entry.archive_id)}
    assert len(ids) == 2 and (2, OWN_ID) in ids, ids


def expect_companions(archive: Archive, place: Place) -> None:
    """The entry has its companion."""
    (entry,) = archive.find(EntryFilter()).items
    assert [companion.name for companion in entry.companions] == ["unit.extra"], entry.companions


def expect_folders(**wanted: list[str]) -> Act:
    """Exactly these files lie in each folder, and the ledger holds one arrival, done."""

    def expect(archive: Archive, place: Place) -> None:
        found = {name: sorted(place.files(name)) for name in ("watch", "Done", "Error", "Pending")}
        assert found == {"watch": [], "Done": [], "Error": [], "Pending": []} | wanted, found
        assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 1}]
        expect_reports(archive, place)

    return expect


def expect_restored(archive: Archive, place: Place) -> None:
    """Under a final name lies a whole source, and nothing else; what a crash left half-written has a hidden name."""
    visible = [item for item in sorted(place.restored.iterdir()) if not item.name.startswith(".restore-")]
    assert visible, "nothing was restored"
    dropped = place.dropped()
    for item in visible:
        found = {path.relative_to(item).as_posix(): path.read_bytes() for path in item.rglob("*") if path.is_file()}
        first_name = re.sub(r"_\d+(?=\.|$)", "", item.name)
        wanted = {n.removeprefix(f"{first_name}/"): c for n, c in dropped.items() if n.startswith(f"{first_name}/")}
        assert found == wanted, f"{item.name} is not whole: {sorted(found)}"
        assert wanted or item.read_bytes() == dropped[first_name], f"{item.name} is not whole"


def expect_settled(archive: Archive, place: Place) -> None:
    """It lies in Done once, is archived once, and its reports are kept under their ids."""
    assert list(place.files("Done")) == ["unit.log"] and not place.files("watch"), place.files("Done")
    assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 1}]
    expect_reports(archive, place)


def expect_pending(archive: Archive, place: Place) -> None:
    """Wherever it waits, it goes to Done once it is tried again, and what else waits in Pending stays there."""
    retry_it(archive, place)
    assert set(place.files("Pending").values()) <= {b"another"}
    expect_folders(Done=["unit.log"], Pending=sorted(place.files("Pending")))(archive, place)


def _finish(post_action: str, drop: Callable[[Place], Any] = drop_file, **wanted: list[str]) -> Scenario:
    return Scenario(drop=drop, prepare=submit_it, act=finish_it(post_action), expect=expect_folders(**wanted))


SCENARIOS = {
    "new archive": Scenario(drop=drop_file, act=see_it, is_new=True),
    "file": Scenario(drop=drop_file, act=archive_it),
    "large file": Scenario(drop=drop_large_file, act=archive_it),
    "folder": Scenario(drop=drop_folder, act=archive_it),
    "companions": Scenario(drop=drop_with_companions, act=archive_it, expect=expect_companions),
    "report": Scenario(drop=drop_file, prepare=archive_it, act=convert_it, expect=expect_reports),
    "submit": Scenario(drop=drop_file, prepare=convert_it, act=submit_it, expect=expect_reports),
    "move": _finish("move", Done=["unit.log"]),
    "move folder": _finish("move", drop_folder, Done=["unit/a.csv", "unit/deep/b.csv"]),
    "move across": _finish("move", across(drop_file), Done=["unit.log"]),
    "move folder across": _finish("move", across(drop_folder), Done=["unit/a.csv", "unit/deep/b.csv"]),
    "delete": _finish("delete"),
    "delete folder": _finish("delete", drop_folder),
    "zip": _finish("zip", Done=["unit.log.zip"]),
    "zip folder": _finish("zip", drop_folder, Done=["unit.zip"]),
    "keep": _finish("keep", watch=["unit.log"]),
    "archive": _finish("archive"),
    "whole way": Scenario(drop=drop_file, act=finish_it("move"), expect=expect_folders(Done=["unit.log"])),
    "suspend": Scenario(drop=drop_file, prepare=archive_it, act=set_aside, expect=expect_pending),
    "suspend beside": Scenario(drop=drop_beside_pending, prepare=archive_it, act=set_aside, expect=expect_pending),
    "retry": Scenario(drop=drop_file, prepare=set_aside, act=retry_it, expect=expect_folders(Done=["unit.log"])),
    "restore": Scenario(drop=drop_with_companions, prepare=archive_it, act=restore_it, expect=expect_restored),
    "restore folder": Scenario(drop=drop_folder, prepare=archive_it, act=restore_it, expect=expect_restored),
    "one more report": Scenario(drop=drop_file, prepare=submit_it, act=add_report),
    "one more companion": Scenario(drop=drop_with_opened, prepare=archive_it, act=add_companion),
    "scheduled result": Scenario(drop=lambda place: None, act=take_result),
    "recovery of a source": Scenario(
        drop=drop_with_companions, prepare=leave_behind(see_it, archive_it), act=recover_it, expect=expect_companions
    ),
    "recovery of reports": Scenario(
        drop=drop_file, prepare=leave_behind(archive_it, convert_it), act=recover_it, expect=expect_reports
    ),
    "purge": Scenario(drop=drop_with_companions, prepare=take_two, act=purge_it, expect=expect_purged),
    "replay": Scenario(drop=drop_file, prepare=finish_it("move"), act=replay_it, expect=expect_replayed),
    "rollback": Scenario(drop=drop_file, prepare=finish_and_replay, act=roll_back, expect=expect_rolled_back),
    "reserve": Scenario(drop=drop_file, act=give_and_take, expect=expect_reserve),
    "owed": Scenario(drop=drop_file, prepare=put_aside, act=settle_owed, expect=expect_settled),
}
