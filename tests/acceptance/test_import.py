"""Done folders from before there was an archive become entries: none lost, none twice, nothing sent."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.command import started
from tests.done import OLD, document, many, put, zipped
from tests.station import FOLDERS, Station, wait_for

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, locks, ownership
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.errors import ArchiveInUse, NeedsConfirmation, UsageError
from pywats_archive.models.entry import IMPORTED, ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.operation.importing import Imported, ImportPreview
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.policy import RetentionPolicy


def config_of(station: Station) -> Path:
    """Return the configuration; it is written once, since a service may be reading it."""
    path = station.root / "config.json"
    return path if path.exists() else station.write_config()


def take(station: Station, done: Path, *, confirmed: bool = False) -> Imported:
    with Client.from_config(config_of(station)) as client:
        return client.import_done(done, "ICT", confirmed=confirmed)


def look(station: Station, done: Path) -> ImportPreview:
    with Client.from_config(config_of(station)) as client:
        return client.preview_import(done, "ICT")


def named(station: Station) -> dict[str, ArchiveEntry]:
    return {Path(each.source_original_path).name: each for each in station.entries()}


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(each): (each.stat().st_mtime_ns, hashlib.sha256(each.read_bytes()).hexdigest()) for each in files}


@pytest.fixture
def done(station: Station) -> Path:
    """A Done folder with one of everything."""
    station.add("ICT")
    folder = station.root / "old Done"
    put(folder / "a.csv", b"x,y\n" * 500)
    put(folder / "a.json", document("SN1"))
    put(folder / "2019" / "g.csv", b"of a folder by year", at=OLD - timedelta(days=700))
    put(folder / "c.json", document("SN3"))
    put(folder / "settings.json", b'{"x": 1}')
    put(folder / "broken.zip", b"no zip")
    zipped(folder / "f.csv.zip", {"f.csv": b"zipped"}, at=OLD)
    put(folder / "several.zip", zipped(folder / "tmp", {"1": b"a", "2": b"b"}).read_bytes())
    (folder / "tmp").unlink()
    return folder


def test_everything_in_a_done_folder_becomes_an_entry(station: Station, done: Path) -> None:
    """Each with its own bytes, name and time; reports are found by serial number, and nothing in the folder is changed."""
    before = tree(done)
    imported = take(station, done)
    assert (imported.imported, imported.reports, imported.not_imported) == (7, 2, ())
    assert tree(done) == before
    found = named(station)
    assert sorted(found) == ["a.csv", "broken.zip", "c.json", "f.csv", "g.csv", "settings.json", "several.zip"]
    assert {each.conversion_status for each in found.values()} == {ConversionStatus.SKIPPED}
    assert {each.conversion_error for each in found.values()} == {IMPORTED}
    assert found["f.csv"].conversion_timestamp == OLD
    assert [each.source_checksum for each in station.entries(serial_number="SN1")] == [found["a.csv"].source_checksum]
    assert [each.archive_id for each in station.entries(text="SN3")] == [found["c.json"].archive_id]
    of_2020 = station.entries(from_date=date(2020, 2, 13), to_date=date(2020, 2, 13))
    assert sorted(Path(each.source_original_path).name for each in of_2020) == ["a.csv", "c.json"]
    with Client.from_config(config_of(station)) as client:
        (back,) = client.restore([found["f.csv"].archive_id], station.root / "back")
    assert back.path and (back.path.name, back.path.read_bytes()) == ("f.csv", b"zipped")
    assert back.path.stat().st_mtime == OLD.timestamp()


def test_the_zip_of_a_source_is_on_record(station: Station, done: Path) -> None:
    """Its name, size and checksum, in the history and in the blob's own header."""
    take(station, done)
    entry = named(station)["f.csv"]
    content = (done / "f.csv.zip").read_bytes()
    packed = {"name": "f.csv.zip", "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with station.archive() as archive:
        (event,) = archive.details(entry.archive_id).events
        header = archive.blobs.label(entry.source_archived_path).metadata
    assert (event.kind, event.details["origin"], event.details["packed_in"]) == ("source.imported", "imported", packed)
    assert (header["origin"], header["packed_in"]) == ("imported", packed)


def test_a_preview_says_what_comes_and_writes_nothing(station: Station, done: Path) -> None:
    """Counts, sizes, times and what is older than the policy; not even an archive is made."""
    seen = look(station, done)
    assert (seen.sources, seen.files, seen.zipped, seen.alone, seen.reports) == (7, 5, 1, 1, 1)
    assert seen.oldest and seen.oldest.year == 2019 and seen.newest == OLD
    assert (seen.older_than_policy, seen.purged_at_once) == (7, 0)
    assert not station.archive_root.exists()
    taken = take(station, done)
    again = look(station, done)
    assert (again.sources, again.already_imported) == (0, 7)
    assert 0.5 < seen.estimated_disk_bytes / (taken.disk_size_bytes + 7 * 4300) < 2


def test_imported_twice_nothing_is_there_twice(station: Station, done: Path) -> None:
    """Neither the same files, nor the same bytes under another time."""
    take(station, done)
    os.utime(done / "a.csv")
    again = take(station, done)
    assert (again.imported, again.already_imported, again.reports) == (0, 7, 0)
    assert len(station.entries()) == 7


def test_a_report_that_comes_later_is_added_to_its_entry(station: Station) -> None:
    """As after a crash between a source and its report."""
    station.add("ICT")
    folder = station.root / "Done"
    put(folder / "a.csv", b"content")
    take(station, folder)
    put(folder / "a.csv.json", document("SN1"))
    assert (take(station, folder).reports, take(station, folder).reports) == (1, 0)
    assert station.entry().serial_number == "SN1"


def test_nothing_that_was_imported_is_ever_sent(station: Station, done: Path) -> None:
    """Not at the next start, nor by a second one, nor after a rebuild, which brings it back as imported (invariant 4)."""
    take(station, done)
    station.run()
    before = named(station)
    shutil.rmtree(station.archive_root / layout.BACKUPS)  # so that all of it comes from the blobs
    (station.archive_root / "metadata.db").unlink()
    rebuild(station.archive_root)
    with Client.from_config(config_of(station)) as client:
        reports = [each for entry in station.entries() for each in client.details(entry.archive_id).reports]
    station.run()
    assert station.server.received == {}
    assert {(each.submission_state, bool(each.last_error)) for each in reports} == {(SubmissionState.WITHHELD, True)}
    after = named(station)
    for name, entry in after.items():
        assert (entry.conversion_status, entry.conversion_error) == (ConversionStatus.SKIPPED, IMPORTED)
        assert entry.conversion_timestamp == before[name].conversion_timestamp
    assert after["a.csv"].serial_number == "SN1"


def test_a_replay_sends_under_the_id_of_the_imported_report(station: Station) -> None:
    """The test has one id, whoever sent it first (invariant 14)."""
    station.add("ICT")
    folder = station.root / "Done"
    put(folder / "SN1.log", b"content")
    old = document("SN1", result="P")
    put(folder / "SN1.json", old)
    take(station, folder)
    with Client.from_config(config_of(station)) as client:
        ids = [each.archive_id for each in station.entries()]
        client.replay(ids, ReplayRequest(submit_to_server=True), processes=1)
    station.run()
    (sent,) = station.server.received
    assert sent.encode() in old


def test_a_replay_without_the_imported_report_is_not_sent_unless_as_a_new_one(station: Station) -> None:
    """The server may have the test under an id that nobody knows here, also after a replay that was not sent (invariant 4)."""
    station.add("ICT")
    folder = station.root / "Done"
    put(folder / "SN1.log", b"content")
    take(station, folder)
    with Client.from_config(config_of(station)) as client:
        ids = [each.archive_id for each in station.entries()]
        client.replay(ids, ReplayRequest(), processes=1)
        done = client.replay(ids, ReplayRequest(submit_to_server=True), processes=1)
        item = next(iter(client.changes(done.run_id)))
        assert "imported without this report" in str(item.skipped_because)
        assert station.run().waiting == () and not station.server.received
        client.replay(ids, ReplayRequest(submit_to_server=True, new_id=True), processes=1)
    station.run()
    assert len(station.server.received) == 1


def test_what_the_service_moved_to_done_is_not_imported_again(station: Station) -> None:
    """An own Done folder has both: what was archived, and what is older."""
    watch = station.add("ICT")
    (watch / "SN1.log").write_bytes(b"of today")
    station.run()
    folder = station.root / "ICT" / "Done"
    put(folder / "SN0.log", b"of before")
    imported = take(station, folder)
    assert (imported.imported, imported.already_imported) == (1, 1)


def test_companions_come_with_their_source(station: Station) -> None:
    """They are part of its entry, and no sources of their own."""
    station.add("ICT", archive_companions=["{stem}/*.txt"])
    folder = station.root / "Done"
    put(folder / "SN1.log", b"content")
    put(folder / "SN1" / "curve.txt", b"companion")
    assert take(station, folder).imported == 1
    assert [each.name for each in station.entry().companions] == ["SN1/curve.txt"]


def test_folders_of_a_folder_converter(station: Station) -> None:
    """Each folder is one source; a file beside them is one too."""
    station.code(FOLDERS)
    station.add("ICT", "own.Folders", converter_type="folder")
    folder = station.root / "Done"
    put(folder / "SN1" / "deep" / "a.txt", b"a")
    put(folder / "loose.txt", b"b")
    assert take(station, folder).imported == 2
    kinds = {name: each.source_kind for name, each in named(station).items()}
    assert kinds == {"SN1": SourceKind.FOLDER, "loose.txt": SourceKind.FILE}


@pytest.mark.posix("keeps a file open, and makes a link")
def test_what_cannot_be_imported_is_named(station: Station, done: Path) -> None:
    """A file that a program writes, a link, a hidden file; everything else is imported, and the file later."""
    (done / "link").symlink_to("/etc/hostname")
    put(done / ".half", b"half")
    writing = subprocess.Popen(
        [sys.executable, "-c", f"f = open({str(done / 'a.csv')!r}, 'ab'); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writing.stdout and writing.stdout.readline()
    first = take(station, done)
    writing.communicate(b"\n")
    assert {Path(each.path).name for each in first.not_imported} == {"a.csv", "link", ".half"}
    assert (first.imported, take(station, done).imported) == (6, 1)


@pytest.mark.parametrize("limit_gb", [0.00001, 10.0])
def test_an_import_beyond_the_size_limit_must_be_confirmed(station: Station, done: Path, limit_gb: float) -> None:
    """It would purge at once what was there first; the preview says how many."""
    station.add("ICT", max_archive_size_gb=limit_gb)
    del station.sections[0]
    assert bool(look(station, done).purged_at_once) == (limit_gb < 1)
    if limit_gb < 1:
        with pytest.raises(NeedsConfirmation, match="policy set"):
            take(station, done)
        assert not station.archive_root.exists()
    assert take(station, done, confirmed=True).imported == 7


def test_age_counts_from_the_import(station: Station, done: Path) -> None:
    """Sources that are older than the policy are not purged at once, and nobody doubts the clock for them."""
    take(station, done)
    with Client.from_config(config_of(station)) as client:
        client.retention.set_policy(RetentionPolicy(converter_name="ICT", retention_days=1), confirmed=True)
        purged = client.retention.enforce()
        assert [each.archives_purged for each in purged] == [0]
        assert [each.doubt for each in client.retention.clocks()] == [None]


def test_places_that_are_no_done_folder_are_refused(station: Station) -> None:
    """The watch folder and the archive: the service uses them itself."""
    watch = station.add("ICT")
    for wrong in (watch, station.root / "nowhere"):
        with pytest.raises(UsageError):
            take(station, wrong)
    take(station, put(station.root / "Done" / "a.csv", b"a").parent)
    with pytest.raises(UsageError):
        take(station, station.archive_root / "sources")


def test_one_import_at_a_time(station: Station, done: Path) -> None:
    """A second one, and a rebuild, end with an error at once."""
    take(station, done)
    with locks.only_import(station.archive_root), pytest.raises(ArchiveInUse):
        take(station, done)
    with locks.only_import(station.archive_root), Client([station.archive_root]) as client, pytest.raises(ArchiveInUse):
        client.rebuild()


def _import_killed(station: Station, done: Path, *, upto: int) -> None:
    """Kill an import as soon as there are so many blobs."""
    config = config_of(station)
    running = started("import", "--done", done, "--converter", "ICT", "--config", config)
    while running.poll() is None and len(list(station.archive_root.rglob("sources/*/*/*/*.gz"))) < upto:
        time.sleep(0.005)
    running.kill()
    running.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_killed_twice_nothing_is_missed_or_twice(station: Station) -> None:
    """Also after a rebuild from the blobs alone (invariant 5)."""
    station.add("ICT")
    done = station.root / "Done"
    many(done, 210)
    _import_killed(station, done, upto=70)
    _import_killed(station, done, upto=140)
    before = len(station.entries())
    assert 50 <= before < 210
    imported = take(station, done)
    assert imported.not_imported == ()
    for _ in range(2):
        entries = station.entries()
        assert sorted(Path(each.source_original_path).name for each in entries) == sorted(
            f"S{number}.log" for number in range(210)
        )
        assert {each.serial_number for each in entries} == {None, *(f"SN{number}" for number in range(0, 210, 3))}
        assert len(list(station.archive_root.rglob("sources/*/*/*/*.gz"))) == 210
        with Client([station.archive_root]) as client:
            client.rebuild()


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_killed_beside_a_running_service(station: Station) -> None:
    """The service archives and converts meanwhile, and its next start repairs nothing of the import twice."""
    watch = station.add("ICT")
    done = station.root / "Done"
    many(done, 120)
    station.run()
    with station.serving():
        _import_killed(station, done, upto=60)
        for number in range(5):
            (watch / f"live{number}.log").write_bytes(f"live {number}".encode())
        imported = take(station, done)
        wait_for(lambda: len(station.server.received) >= 5)
    assert imported.not_imported == ()
    station.run()
    assert len(station.entries()) == 125
    assert len(station.server.received) == 5


def test_what_a_killed_import_left_is_not_there_twice(station: Station, tmp_path: Path) -> None:
    """A source and a report without rows that were imported again meanwhile are removed by the next recovery."""
    station.add("ICT")
    folder = put(station.root / "Done" / "a.csv", b"content").parent
    put(folder / "a.json", document("SN1"))
    take(station, folder)
    left = shutil.copytree(station.archive_root, tmp_path / "left")
    shutil.rmtree(station.archive_root)
    take(station, folder)
    for top in ("sources", "reports"):
        shutil.copytree(left / top, station.archive_root / top, dirs_exist_ok=True)
    assert len(list(station.archive_root.rglob("*/*/*/*/*.gz"))) == 4
    station.run()
    assert station.entry().serial_number == "SN1"
    assert len(list(station.archive_root.rglob("*/*/*/*/*.gz"))) == 2


def test_half_written_files_of_a_killed_import_are_removed(station: Station) -> None:
    """Unless a service owns the archive, whose files they may be; its next start removes them."""
    station.add("ICT")
    folder = put(station.root / "Done" / "a.csv", b"content").parent
    take(station, folder)
    half = next(station.archive_root.glob("sources/*/*/*")) / ".1-1.part"
    half.write_bytes(b"half")
    (station.archive_root / ".import-begun").touch()
    with ownership.owning(station.archive_root):
        take(station, folder)
        assert half.exists()
    (station.archive_root / ".import-begun").touch()
    take(station, folder)
    assert not half.exists() and not (station.archive_root / ".import-begun").exists()


def test_an_archive_alone(station: Station, done: Path) -> None:
    """Without a configuration the name of the converter is what the caller says."""
    root = station.archive_root
    Archive.open(root, create=True, own=True).close()
    with Client([root]) as client:
        assert client.import_done(done, "elsewhere").imported == 7
        assert client.find(EntryFilter(converter_name="elsewhere")).total == 7


@pytest.mark.posix("runs the commands of the page in a shell")
def test_the_guide_can_be_followed_literally(tmp_path: Path) -> None:
    """Every command of its first part works as it is written, in an empty folder."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "import.md").read_text(encoding="utf-8")
    part = page.split("## Try it")[1].split("`--preview`, or")[0]
    script = "\n".join(line[4:] for line in part.splitlines() if line.startswith("    "))
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", "-e"], input=script, cwd=tmp_path, env=here, capture_output=True, text=True, check=True
    )
    assert ended.stdout.count("SN1.txt") == 2 and ended.stdout.count("SN2.txt") == 1
    assert "2 sources of 'ICT', 1 report; none is sent" in ended.stdout
