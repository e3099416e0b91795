"""What must be so in the end of each scenario, whatever went wrong on the way."""

from __future__ import annotations

import re
from pathlib import Path

from pywats_archive.archive import ledger, purging, record, runs
from pywats_archive.archive.core import Archive
from pywats_archive.archive.current import current
from pywats_archive.conversion.parcels import LONGEST_DELAY
from pywats_archive.models.entry import SourceKind
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.replay import RunState
from pywats_archive.models.report import SubmissionState
from tests.faults.acts import CHANGED_DOCUMENTS, OWN_ID, Act, retry_it
from tests.faults.place import Place


def expect_reserve(archive: Archive, place: Place) -> None:
    """The reserve is whole, once it is taken while there is room."""
    assert archive.reserve.take() and (place.root / "reserve").stat().st_blocks * 512 >= 15_000_000
    assert [account.by_state for account in ledger.accounts(archive)] == [{"seen": 1}]


def expect_shared(archive: Archive, place: Place) -> None:
    """Every source has the companion once."""
    every = archive.find(EntryFilter()).items
    assert [[companion.name for companion in entry.companions] for entry in every] == [["unit.opened"]] * 3


def expect_shared_sources(archive: Archive, place: Place) -> None:
    """Each of two sources has the other one as its companion."""
    every = archive.find(EntryFilter()).items
    beside = {Path(entry.source_original_path).name: [c.name for c in entry.companions] for entry in every}
    assert beside == {"a.log": ["b.log"], "b.log": ["a.log"]}


def expect_purged(archive: Archive, place: Place) -> None:
    """The file is purged and the folder kept: no byte of the first is there, every byte of the other, and history tells it."""
    (purged,) = [entry for entry in archive.find(EntryFilter()).items if entry.purged_at]
    lying = [path for top in ("sources", "reports") for path in archive.blobs.paths(top)]
    assert purged.source_kind is SourceKind.FILE and len(lying) == 3, lying
    assert not [path for path in lying if purged.archive_id in path], lying
    told = [event.kind for event in archive.details(purged.archive_id).events]
    assert told.count("entry.purged") == 1 and not purging.is_any_unfinished(archive)


def expect_replayed(archive: Archive, place: Place) -> None:
    """The run is done, with one conversion, whose reports wait under the ids they always had."""
    expect_reports(archive, place)
    (run,) = runs.latest(archive)
    assert run.state is RunState.DONE and run.done == 1, run
    now = current(archive, archive.find(EntryFilter()).items[0].archive_id)
    assert [each.run_id for each in now.past] == [None, run.run_id] and now.conversion == now.past[-1]
    assert [archive.document(each) for each in now.reports][1] == CHANGED_DOCUMENTS[1]
    assert {each.submission_state for each in now.reports} == {SubmissionState.WAITING}


def expect_rolled_back(archive: Archive, place: Place) -> None:
    """The first conversion is shown again, nothing of the run's is sent, and no history is lost."""
    expect_reports(archive, place)
    now = current(archive, archive.find(EntryFilter()).items[0].archive_id)
    assert now.conversion == now.past[0] and len(now.past) == 2
    assert not record.due_reports(archive, limit=10, longest_delay=LONGEST_DELAY)
    assert runs.latest(archive)[0].state is RunState.ROLLED_BACK


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


def expect_both(archive: Archive, place: Place) -> None:
    """Both sources are archived and done, each with its own reports; the later one lies in Done, as itself."""
    found = sorted(archive.find(EntryFilter()).items, key=lambda entry: entry.archive_id)
    assert len(found) == 2, f"{len(found)} of 2 sources are archived"
    first, second = found
    assert place.files("Done") == {"unit.log": b"replaced" * 50} and not place.files("watch"), place.files("Done")
    assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 2}]
    ids = [{(r.ordinal, r.report_id) for r in archive.reports_of(entry.archive_id)} for entry in (first, second)]
    assert [len(each) for each in ids] == [2, 1], ids


def expect_restored(archive: Archive, place: Place) -> None:
    """Under a final name lies a whole source, and nothing else; what a crash left half-written has a hidden name."""
    visible = [item for item in sorted(place.restored.iterdir()) if not item.name.startswith(".restore-")]
    assert visible, "nothing was restored"
    dropped = place.dropped()
    ids = tuple(entry.archive_id for entry in archive.find(EntryFilter()).items)
    for item in visible:
        found = {path.relative_to(item).as_posix(): path.read_bytes() for path in item.rglob("*") if path.is_file()}
        first_name = re.sub(r"_\d+(?=\.|$)", "", item.name)
        wanted = {n.removeprefix(f"{first_name}/"): c for n, c in dropped.items() if n.startswith(f"{first_name}/")}
        if item.name.startswith(ids):
            wanted = dropped
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
