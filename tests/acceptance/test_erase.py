"""Erasure: a byte search finds nothing of what was erased, the history stays sound, and others are unharmed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.byte_search import copied, found_in
from tests.command import command
from tests.station import PATIENCE_S, Station

from pywats_archive import (
    Client,
    ComplianceRefused,
    EntryFilter,
    Erasure,
    ErasureChoice,
    ErasureRule,
    Event,
    EventFilter,
    ReplayRequest,
    UsageError,
)
from pywats_archive.archive import backups
from pywats_archive.archive.access import note
from pywats_archive.archive.copies.making import Target, Wanted
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import acting, old_copies
from pywats_archive.archive.erasing.journal import Erasing
from pywats_archive.archive.repair.recover import recover
from pywats_archive.models.operation.integrity import HistoryChecked

CODE = """
class Own(Any):
    file_patterns = property(lambda self: ["*.csv"])
    def outcome(self, source, context):
        stem = source.path.stem
        if stem.startswith("bad"):
            raise ValueError(f"no limits for unit {stem[4:]}, set up by " + source.path.read_text().split(";")[1])
        sn = stem.split("_")[0]
        body = report(sn, uut={"user": "jroe" if sn.endswith("9") else "kim"}, misc="of " + source.path.name)
        return ConverterResult.success_result(report=body, warnings=[f"odd limits of {sn}"])
"""
GONE = ("SN700159", "Jane Roe", "7Q-PRIVATE")
"""What every file of SN700159 says: its number, a person, a word of its content."""


class Filled:
    """A station with entries of one person and others, and everything that may hold their texts."""

    def __init__(self, station: Station) -> None:
        self.station, self.log = station, station.root / "logs" / "service.log"
        station.code(CODE)
        station.keys["backup_folder"] = str(station.root / "copies")
        (station.root / "copies").mkdir()
        self.watch = station.add("ICT", "own.Own", archive_companions=["{stem}.ini", "common.cfg"])
        (self.watch / "common.cfg").write_text("limits of all\n")
        for stem in ("SN700159", "SN800260", "bad SN700159", "SN800361"):
            (self.watch / f"{stem}.ini").write_text(f"setup of {stem}: {self.secret(stem)}\n" * 9)
            (self.watch / f"{stem}.csv").write_text(f"{stem};{self.secret(stem)}\n" * 50)
        self.run()

    @staticmethod
    def secret(stem: str) -> str:
        return "Jane Roe;7Q-PRIVATE" if "SN700159" in stem else "Kim Poe;7Q-PUBLIC"

    def run(self) -> None:
        words = ("run", "--log-file", self.log, "--until-idle", "--processes", "1")
        assert command(*words, "--config", self.station.write_config()).returncode in (0, 1)
        for path in [*self.watch.iterdir(), *self.watch.parent.rglob("*.csv"), *self.watch.parent.rglob("*.ini")]:
            if path.is_file():
                path.unlink()  # the folders of the station are not the archive's

    def client(self) -> Client:
        return Client.from_config(self.station.root / "config.json")

    def add_everything(self) -> None:
        """Replay, read, hold, copy, rebuild, read without rights, raise an alert: each leaves texts somewhere."""
        with self.client() as client:
            named = {Path(each.source_original_path).stem: each.archive_id for each in client.entries()}
            every = [named["SN700159"], named["SN800260"]]
            client.replay(every[:1], ReplayRequest(), processes=1)
            client.restore(every[:1], self.station.root / "restored" / "SN700159")
            client.retention.hold([every[1]], "complaint about SN800260")
            client.record_event(
                "settings.changed", details={"path": "/x/SN700159.csv", "before": {"/x/SN700159.csv": 1}}
            )
        with self.station.archive() as archive:
            for days in (2, 1):
                at = archive.now() - timedelta(days=days)
                targets = [Target(place=each) for each in backups.places(archive, self.station.root / "copies")]
                made = backups.make(archive, targets, Wanted(archive_uuid=archive.description.archive_uuid, at=at))
                assert [each.failure for each in made] == [None, None]
        self.rebuild()
        (self.station.archive_root / "accesses").mkdir(exist_ok=True)
        read = Event(
            kind="source.restored", at=archive.now(), archive_id=every[0], actor="os:x", details={"to": "/SN700159"}
        )
        note.leave(self.station.archive_root, read)

    def rebuild(self) -> None:
        with Client(self.station.archive_root) as client:
            assert [each.problems for each in client.rebuild(backup_folder=self.station.root / "copies")] == [()]

    def erase(
        self, choice: ErasureChoice, reason: str = "request of 13 February", logs: Sequence[Path] = ()
    ) -> Erasure:
        with self.client() as client:
            return client.erase(choice, reason=reason, logs=logs)

    def search(self) -> list[str]:
        """Return where the archive, its copies and its logs have what was erased."""
        root = self.station.root
        folders = (self.station.archive_root, root / "copies", self.log.parent)
        return [f"{folder.name}/{each}" for folder in folders for each in found_in(folder, GONE)]

    def checked(self) -> HistoryChecked:
        """Verify; return the extent of the history's check."""
        with self.client() as client:
            found = list(client.verify())
        assert [each.problem for each in found if each.problem] == []
        (history,) = [each.history for each in found if each.history]
        return history


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    with Station(tmp_path) as station:
        yield Filled(station)


SERIAL = ErasureChoice(serial_number="SN700159")


def test_a_byte_search_finds_nothing_of_what_was_erased(filled: Filled) -> None:
    """Not in blobs, pages, free pages, the index, logs of SQLite, copies, old catalogs, notes and log files; all is sound."""
    filled.add_everything()
    before = filled.search()
    for place in (
        "sources/",
        "reports/",
        "metadata.db:",
        "damaged-",
        "backups/",
        "copies/",
        "accesses/",
        "service.log",
        "words",
    ):
        assert any(place in each for each in before), (place, before)
    with filled.client() as client:
        others = {each.archive_id: each for each in client.entries() if "SN8" in each.source_original_path}
    done = filled.erase(SERIAL)
    assert (done.entries, done.protected, done.not_removed) == (2, (), ())
    assert filled.search() == []
    assert filled.checked().erased == done.events > 5
    with filled.client() as client:
        left = {each.archive_id: each for each in client.entries()}
        assert {each: left[each] for each in others} == others
        erased = [each for each in left.values() if each.archive_id not in others]
        assert [(each.source_original_path, each.serial_number, bool(each.purged_at)) for each in erased] == [
            ("[erased]", None, True)
        ] * 2
        (record,) = [e for e in client.details(erased[0].archive_id).events if e.kind == "entry.erased"]
        assert record.details["reason"] == "request of 13 February" and record.actor == client.actor
    shown = command("show", erased[0].archive_id, "--archive", filled.station.archive_root).stdout
    assert f"by {record.actor}: request of 13 February; only this record is kept" in shown
    filled.rebuild()
    assert filled.search() == []
    assert filled.checked().erased == done.events


class Killed(BaseException):
    """Ends the erasure at a step, as a kill does."""


def test_an_erasure_that_is_killed_at_any_step_is_finished_by_the_next_start(filled: Filled, tmp_path: Path) -> None:
    """The next start of the service, or the next erasure, does the rest, whatever was done (invariant 5)."""
    root, number, is_done = filled.station.archive_root, 0, False
    pristine = copied(root, tmp_path / "pristine")
    how = Erasing(reason="request", actor="os:ann", texts=("SN700159",), logs=(filled.log,))
    log = filled.log.read_bytes()
    while not is_done:
        steps = iter(range(number + 1))

        def step(name: str, left: Iterator[int] = steps) -> None:
            if next(left, None) is None:
                raise Killed(name)

        shutil.rmtree(root)
        copied(pristine, root)
        filled.log.write_bytes(log)
        try:
            with Archive.open(root, on_step=step) as archive:
                acting.erase(archive, SERIAL, how)
            is_done = True
        except Killed:
            pass
        if number % 2:
            with Archive.open(root, own=True) as archive:
                recover(archive)
        else:
            with Archive.open(root) as archive:
                acting.erase(archive, SERIAL, how)
        if any(each.source_original_path == "[erased]" for each in filled.station.entries()):
            assert found_in(root, GONE) == [] and found_in(filled.log.parent, GONE) == [], number
            assert not (root / ".erasing").exists()
        filled.checked()
        number += 1
    assert number > 15


def test_the_record_of_an_imported_entry_is_erased_too(filled: Filled, tmp_path: Path) -> None:
    """The blob in ``imported`` has the history of the entry in its former archive."""
    with filled.client() as client:
        client.export_bag(tmp_path / "bag", EntryFilter())
    (tmp_path / "other").mkdir()
    Archive.open(tmp_path / "other" / "archive", create=True).close()
    with Client(tmp_path / "other" / "archive") as other:
        other.import_bag(tmp_path / "bag")
        assert any("/imported/" in f"/{each}" for each in found_in(tmp_path / "other", GONE))
        assert other.erase(SERIAL, reason="request").entries == 2
        assert [each.problem for each in other.verify() if each.problem] == []
    assert found_in(tmp_path / "other", GONE) == []


def test_rules_protect_entries(filled: Filled) -> None:
    """Held entries, those in progress, and those whose file would be archived again stay, and the rule is named."""
    with filled.client() as client:
        ids = {Path(each.source_original_path).stem: each for each in client.entries()}
        client.retention.hold([ids["SN800260"].archive_id], "complaint")
        kept = Path(ids["SN800361"].source_original_path)
        kept.write_bytes(b"".join(client.open_source(ids["SN800361"].archive_id)))
        os.utime(kept, ns=(ids["SN800361"].source_mtime_ns, ids["SN800361"].source_mtime_ns))
    with filled.station.archive() as archive:
        archive.write(
            lambda tx: tx.exec_driver_sql(
                "UPDATE reports SET submission_state = 'WAITING' WHERE archive_id = ?", (ids["SN700159"].archive_id,)
            )
        )
        archive.write(
            lambda tx: tx.exec_driver_sql(
                "UPDATE archive_entries SET conversion_status = 'SUSPENDED' WHERE archive_id = ?",
                (ids["bad SN700159"].archive_id,),
            )
        )
    before = found_in(filled.station.archive_root, GONE)
    done = filled.erase(ErasureChoice(archive_ids=tuple(each.archive_id for each in ids.values())))
    rules = {each.archive_id: each.rule for each in done.protected}
    assert (done.entries, {name: rules[each.archive_id] for name, each in ids.items()}) == (
        0,
        {
            "SN800260": ErasureRule.HELD,
            "SN800361": ErasureRule.IN_PLACE,
            "SN700159": ErasureRule.WAITING,
            "bad SN700159": ErasureRule.PENDING,
        },
    )
    assert found_in(filled.station.archive_root, GONE) == before


def test_the_reason_names_nobody(filled: Filled) -> None:
    """It stays on record for good."""
    with pytest.raises(UsageError, match="contains a text that is to be erased"):
        filled.erase(SERIAL, reason="the owner of SN700159 asked")


def test_an_operator_is_found_in_reports_and_listed_from_errors(filled: Filled) -> None:
    """By the field of the report; an entry with the name in its error alone is only listed."""
    with filled.client() as client:
        of_report = client.preview_erasure(ErasureChoice(operator="JROE"))
        of_error = client.preview_erasure(ErasureChoice(operator="Jane Roe"))
        names = {each.archive_id: Path(each.source_original_path).stem for each in client.entries()}
        with pytest.raises(UsageError, match="no entries are named"):
            client.preview_erasure(ErasureChoice())
    assert [(names[each.archive_id], each.found_by) for each in of_report.entries] == [("SN700159", "operator")]
    assert of_error.entries == ()
    assert [(names[each.archive_id], each.found_by) for each in of_error.also_named] == [("bad SN700159", "text")]
    assert (of_report.files, of_report.reports) == (4, 1)


def test_an_erasure_beside_a_service(filled: Filled) -> None:
    """The service keeps running, archives its next files, and records the pending access notes."""
    filled.add_everything()
    with filled.station.serving():
        (filled.watch / "SN900000.csv").write_text("SN900000;before\n")
        wait_until(lambda: any(each.serial_number == "SN900000" for each in filled.station.entries()))
        done = filled.erase(SERIAL, logs=[filled.log])  # this service has no log file
        assert (done.entries, done.not_removed) == (2, ())
        (filled.watch / "SN900001.csv").write_text("SN900001;after\n")
        wait_until(lambda: any(each.serial_number == "SN900001" for each in filled.station.entries()))
    assert filled.search() == []
    filled.checked()


def test_a_rebuild_from_an_older_copy_erases_again(filled: Filled) -> None:
    """A copy that was kept elsewhere has the texts; the note beside the catalog says what was to be erased."""
    root = filled.station.archive_root
    filled.add_everything()
    copies = {path: path.read_bytes() for path in (root / "backups").iterdir()}
    with Archive.open(root) as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr(old_copies, "replace", stop)
        with pytest.raises(Killed):
            acting.erase(archive, SERIAL, Erasing(reason="request", actor="os:ann"))
    (root / "metadata.db").unlink()
    assert set(copies) == set((root / "backups").iterdir())
    filled.rebuild()
    filled.log.unlink()
    assert filled.search() == []
    filled.checked()
    with filled.client() as client:
        erased = [each for each in client.entries() if each.source_original_path == "[erased]"]
        (record,) = [e for e in client.details(erased[0].archive_id).events if e.kind == "entry.erased"]
    assert (len(erased), record.actor, record.details["reason"]) == (2, "os:ann", "request")


def test_the_command_shows_asks_and_erases(filled: Filled) -> None:
    """Without a reason it only shows; with one it asks; nobody is asked with --yes."""
    words = ("erase", "--serial", "SN700159", "--config", filled.station.write_config())
    shown = command(*words)
    assert shown.returncode == 0 and "2 entries would be erased" in shown.stdout and str(filled.log) in shown.stdout
    assert len(filled.search()) > 0
    asked = command(*words, "--reason", "request")
    assert asked.returncode == 2 and "erase these for good?" in asked.stderr
    done = command(*words, "--reason", "request", "--yes")
    assert done.returncode == 0 and "2 entries erased" in done.stdout
    assert filled.search() == []
    assert command(*words).stdout.startswith("0 entries would be erased")


def stop(*given: object) -> None:
    raise Killed


def wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def test_nothing_is_erased_from_a_compliant_archive(filled: Filled) -> None:
    """It is refused with the rule, and on record."""
    with filled.station.archive() as archive:
        archive.compliance.begin(actor="os:ann")
    before = found_in(filled.station.archive_root, GONE)
    with filled.client() as client:
        assert {each.rule for each in client.preview_erasure(SERIAL).protected} == {ErasureRule.COMPLIANT}
        with pytest.raises(ComplianceRefused, match="nothing is erased"):
            client.erase(SERIAL, reason="request")
        assert client.events(EventFilter(kinds=("compliance.refused",))).events[0].details["rule"] == "erasure"
    assert found_in(filled.station.archive_root, GONE) == before
