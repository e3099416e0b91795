"""A killed import, and what comes before the next one: a rebuild, a start, a changed folder. Nothing is there twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.test_rebuilt_from_copy import copied, lose, problems
from tests.done import document, put
from tests.station import Station

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.archive.imported import taking_over
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.sources import ingest
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.importing import Imported
from pywats_archive.models.operation.replay import ReplayRequest


class _Crash(BaseException):
    pass


def crash(*_: object, **__: object) -> None:
    raise _Crash


def take(station: Station) -> Imported:
    with Client.from_config(station.write_config()) as client:
        return client.import_done(station.root / "old", "ICT")


def taken_until(station: Station, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    """Import, and crash where a function would be called."""
    with monkeypatch.context() as patch, pytest.raises(_Crash):
        patch.setattr(module, name, crash)
        take(station)


def entry_of(station: Station, name: str) -> ArchiveEntry:
    (found,) = [each for each in station.entries() if Path(each.source_original_path).name == name]
    return found


def started(station: Station) -> None:
    with Archive.open(station.archive_root, own=True) as archive:
        recover(archive)


def rebuilt(station: Station) -> None:
    lose(station.archive_root)
    rebuild(station.archive_root)


@pytest.mark.parametrize("rule", ["{stem}/*.txt", "*/*.txt"])
@pytest.mark.parametrize("then", [(take, started), (rebuilt, take), (take, rebuilt, started), (started, take)])
def test_companions_whose_rows_a_kill_prevented_are_there_once(
    station: Station, monkeypatch: pytest.MonkeyPatch, then: tuple[Callable[[Station], object], ...], rule: str
) -> None:
    """An entry with a companion twice could be neither restored nor replayed (invariant 5)."""
    station.add("ICT", archive_companions=[rule])
    done = put(station.root / "old" / "SN1.log", b"content").parent
    take(station)
    put(done / "SN1" / "curve.txt", b"companion")
    taken_until(station, monkeypatch, ingest, "_with_companions")
    assert len(list(station.archive_root.rglob("sources/*/*/*/*.gz"))) == 2
    for step in then:
        step(station)
    entry = station.entry()
    assert [each.name for each in entry.companions] == ["SN1/curve.txt"]
    with Client([station.archive_root]) as client:
        client.restore([entry.archive_id], station.root / "back")
    assert (station.root / "back" / "SN1" / "curve.txt").read_bytes() == b"companion"
    assert problems(station.archive_root) == []


def test_a_companion_blob_with_other_files_too_gives_the_entry_only_those(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two files in the blob, the entry has one already."""
    station.add("ICT", archive_companions=["{stem}/*.txt"])
    done = put(station.root / "old" / "SN1.log", b"content").parent
    take(station)
    for name in ("a.txt", "b.txt"):
        put(done / "SN1" / name, b"companion " + name.encode())
    taken_until(station, monkeypatch, ingest, "_with_companions")
    (done / "SN1" / "b.txt").unlink()
    (station.archive_root / ".import-begun").unlink()
    take(station)
    started(station)
    entry = station.entry()
    assert sorted(each.name for each in entry.companions) == ["SN1/a.txt", "SN1/b.txt"]
    with Client([station.archive_root]) as client:
        client.restore([entry.archive_id], station.root / "back")
    assert (station.root / "back" / "SN1" / "b.txt").read_bytes() == b"companion b.txt"


def test_a_later_file_beside_a_source_is_not_added_to_an_entry_from_a_kill(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be of another time; one that was there when the source was archived is added."""
    station.add("ICT", archive_companions=["*.extra"])
    done = put(station.root / "old" / "SN1.log", b"content").parent
    put(done / "a.extra", b"of its time")
    taken_until(station, monkeypatch, taking_over, "_companions")
    started(station)
    put(done / "b.extra", b"of a later time")
    take(station)
    take(station)
    assert [each.name for each in entry_of(station, "SN1.log").companions] == ["a.extra"]


def test_the_counts_agree_after_a_killed_import(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entries came from no arrival (invariant 12)."""
    (station.add("ICT") / "SN0.log").write_bytes(b"of today")
    station.run()
    put(station.root / "old" / "SN1.log", b"content")
    taken_until(station, monkeypatch, taking_over, "_commit_all")
    started(station)
    assert len(station.entries()) == 2
    with Client.from_config(station.write_config()) as client:
        assert client.status().disagreements == ()


@pytest.mark.parametrize("then", [take, started, rebuilt])
def test_a_report_alone_gets_its_row_after_a_kill_before_it(
    station: Station, monkeypatch: pytest.MonkeyPatch, then: Callable[[Station], object]
) -> None:
    """Its entry is found by serial number, whatever comes between the kill and the next import."""
    station.add("ICT")
    put(station.root / "old" / "SN1.json", document("SN1"))
    taken_until(station, monkeypatch, taking_over, "archive_report")
    then(station)
    take(station)
    assert (station.entry().serial_number, station.entry().report_count) == ("SN1", 1)


@pytest.mark.parametrize("is_touched", [True, False])
def test_a_changed_report_beside_a_touched_source_is_an_entry_of_its_own(station: Station, is_touched: bool) -> None:
    """The entry of the source has the report of that id, and one id stands for one report of it."""
    station.add("ICT")
    done = put(station.root / "old" / "SN1.log", b"content").parent
    put(done / "SN1.json", document("SN1"))
    take(station)
    put(done / "SN1.json", document("SN1", result="P"))
    if is_touched:
        os.utime(done / "SN1.log", (1, 1))
    assert (take(station).imported, take(station).imported) == (1, 0)
    with station.archive() as archive:
        assert len(archive.reports_of(entry_of(station, "SN1.log").archive_id)) == 1
    assert entry_of(station, "SN1.json").serial_number == "SN1"


@pytest.mark.parametrize("has_copy", [None, True, False])
def test_a_late_report_does_not_hide_the_replay_of_its_entry(station: Station, has_copy: bool | None) -> None:
    """The entry shows its latest conversion, before and after a rebuild."""
    station.add("ICT")
    put(station.root / "old" / "SN1.log", b"content")
    take(station)
    with Client.from_config(station.write_config()) as client:
        client.replay([station.entry().archive_id], ReplayRequest(), processes=1)
    if has_copy:
        with station.archive() as archive:
            copied(archive)
    put(station.root / "old" / "SN1.json", document("SN9", result="F"))
    assert take(station).reports == 1
    if has_copy is not None:
        for each in () if has_copy else station.archive_root.glob("backups/*"):
            each.unlink()
        rebuilt(station)
    entry = station.entry()
    shown = (entry.report_count, entry.serial_number, entry.result.value if entry.result else "")
    assert shown == (1, "SN1", "PASSED")


def test_a_report_that_was_added_after_the_copy_is_no_conversion(station: Station) -> None:
    """A rebuild from the copy shows the entry as it was imported, with its report."""
    station.add("ICT")
    put(station.root / "old" / "SN1.log", b"content")
    take(station)
    with station.archive() as archive:
        copied(archive)
    put(station.root / "old" / "SN1.json", document("SN1"))
    take(station)
    before = station.entry()
    rebuilt(station)
    assert station.entry() == before


def test_an_entry_that_the_service_archived_is_not_changed_after_a_rebuild(station: Station) -> None:
    """Its arrival is lost, and it was still not imported."""
    watch = station.add("ICT", post_action="keep")
    source = put(watch / "SN1.log", b"content")
    station.run()
    for each in station.archive_root.glob("backups/*"):
        each.unlink()
    rebuilt(station)
    station.sections.clear()
    station.add("other")
    assert source.exists() and station.arrivals() == ()
    put(watch / "SN1.json", document("SN1"))
    with Client([station.archive_root]) as client:
        client.import_done(source.parent, "ICT")
    assert len(station.entries()) == 2
    with station.archive() as archive:
        assert len(archive.reports_of(entry_of(station, "SN1.log").archive_id)) == 1
