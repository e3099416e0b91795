"""Bags from elsewhere: imported whole, equal and once, with their history apart; nothing hostile gets in, nothing is sent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.command import command, started
from tests.filled import fill
from tests.station import PATIENCE_S, Station

from pywats_archive import Client, EntryFilter, NeedsConfirmation
from pywats_archive.archive.core import Archive, EntryDetails
from pywats_archive.archive.folder import layout
from pywats_archive.archive.imported import bringing
from pywats_archive.archive.sources import ingest
from pywats_archive.client.importing.bag import station
from pywats_archive.errors import StorageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import utc_now

DECIDED_HERE = {"source_archived_path", "compressed_size_bytes", "disk_size_bytes", "companions", "verified_at"}
"""Fields of an entry that say where its blobs are in this archive."""
PLACES = {"archived_path", "compressed_size_bytes", "disk_size_bytes", "conversion_id", "verified_at"}
UNSENT = {"submission_state", "last_error"}
NOT_CONVERTED = {"conversion_status", "conversion_error"}


_REMOVE_ABANDONED = "from pywats_archive.portable.scratch import remove_abandoned; remove_abandoned()"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an archive that holds one of everything, its bag, and an empty archive."""
    fill(tmp_path)
    with Client([tmp_path / "archive"]) as client:
        client.export_bag(tmp_path / "bag")
        client.export_bag(tmp_path / "bag.zip")
    new(tmp_path / "other")
    return tmp_path


def new(folder: Path) -> Path:
    Archive.open(folder, create=True, own=True).close()
    return folder


def without(value: Any, names: set[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if name not in names}


def require_equal(before: EntryDetails, after: EntryDetails) -> None:
    """Compare all that ``show`` has of an entry in both archives."""
    is_open = before.entry.conversion_status is ConversionStatus.PENDING
    fields = DECIDED_HERE | (NOT_CONVERTED if is_open else set())
    assert without(before.entry, fields) == without(after.entry, fields)
    assert [(c.name, c.checksum, c.found_by) for c in before.entry.companions] == [
        (c.name, c.checksum, c.found_by) for c in after.entry.companions
    ]
    assert [without(c, {"conversion_id"}) for c in before.conversions] == [
        without(c, {"conversion_id"}) for c in after.conversions
    ]
    for old, own in zip(before.reports, after.reports, strict=True):
        fields = PLACES | (UNSENT if old.submission_state is SubmissionState.WAITING else set())
        assert without(old, fields) == without(own, fields)
        assert own.submission_state is not SubmissionState.WAITING


def require_all(root: Path, target: Path, some: set[str] | None = None) -> None:
    """Require entries of an archive in another one: once, equal, with the same bytes; the other archive is sound."""
    with Client([root / "archive"]) as one, Client([target]) as other:
        ids = some or {each.archive_id for each in one.entries()}
        assert [each.problem for each in other.verify() if each.problem] == []
        assert sorted(each.archive_id for each in other.entries()) == sorted(ids)
        for archive_id in ids:
            before, after = one.details(archive_id), other.details(archive_id)
            require_equal(before, after)
            for number in range(1, len(before.reports) + 1):
                assert one.open_report(archive_id, number).read() == other.open_report(archive_id, number).read()
            if before.entry.source_archived_path:
                assert one.open_source(archive_id).read() == other.open_source(archive_id).read()
            for each in before.entry.companions:
                found = one.open_companion(archive_id, each.name).read()
                assert found == other.open_companion(archive_id, each.name).read()


@pytest.mark.parametrize("name", ["bag", "bag.zip"])
def test_imported_elsewhere_it_is_equal_and_there_once(root: Path, name: str) -> None:
    """All that ``show`` has agrees, all bytes are identical, and a second import adds nothing."""
    words = ["import", str(root / name), "--archive", str(root / "other"), "--json"]
    first, second = (json.loads(command(*words).stdout) for _ in range(2))
    assert (first["imported"], first["already_there"], first["refused"]) == (5, 0, [])
    assert (second["imported"], second["already_there"], second["refused"]) == (0, 5, [])
    require_all(root, root / "other")


def test_a_new_archive_is_created_after_the_check_only(root: Path) -> None:
    """A preview, a path without a bag and a damaged bag create no folder; the preview counts all entries."""
    words = ["import", str(root / "bag"), "--archive", str(root / "new"), "--json"]
    seen = json.loads(command(*words, "--preview").stdout)
    assert (seen["archive"], seen["is_preview"], seen["imported"], seen["refused"]) == (words[3], True, 5, [])
    assert command("import", root / "bga", "--archive", root / "new").returncode != 0
    manifest = root / "bag" / "manifest-sha256.txt"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b"0", b"1"))
    assert "nothing is imported" in command(*words).stderr
    assert not (root / "new").exists()
    manifest.write_bytes(whole)
    assert json.loads(command(*words).stdout)["imported"] == 5
    require_all(root, root / "new")


def test_no_other_process_removes_the_folder_of_a_preview(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts meanwhile removes the temporary folders of processes that were killed, and no other."""
    create = Archive.open

    def beside(folder: Path, **how: Any) -> Archive:
        (folder / layout.LOCK).touch()  # as for a moment, before it is locked
        subprocess.run([sys.executable, "-c", _REMOVE_ABANDONED], check=True)
        assert folder.is_dir()
        return create(folder, **how)

    monkeypatch.setattr(Archive, "open", beside)
    seen = station.preview_new(root / "bag", root / "new", on_file=lambda number: None)
    assert seen.imported == 5


def test_its_history_is_kept_apart(root: Path) -> None:
    """The chain here has the import alone; the record beside it has the events of the other archive, with their hashes."""
    with Client([root / "archive"]) as one, Client([root / "other"]) as other:
        assert other.import_bag(root / "bag").imported == 5
        archive_id = other.resolve("SN0")
        here = other.details(archive_id)
        assert [each.kind for each in here.events] == ["source.imported"]
        origin = here.events[0].details["imported_from"]
        there = one.details(archive_id).events
        with Archive.open(root / "other") as archive:
            record = json.loads(b"".join(archive.blobs.read_checked(*origin["record"].values())))
            assert one.roots and origin["archive"] == record["archive_uuid"] != archive.description.archive_uuid
        exported = [each.hash for each in there if each.sequence <= record["events"][-1]["sequence"]]
        assert [each["hash"] for each in record["events"]] == exported and len(exported) >= 3
    shown = command("show", "SN0", "--archive", root / "other").stdout
    assert f"archive {origin['archive']}" in shown


def test_a_changed_record_of_the_origin_is_found(root: Path) -> None:
    """``verify`` finds a record that was damaged, or replaced by another one (invariant 8)."""
    with Client([root / "other"]) as other:
        other.import_bag(root / "bag")
        first, second, *_ = sorted((root / "other" / layout.ORIGINS).rglob("*.gz"))
        first.chmod(0o600)
        first.write_bytes(second.read_bytes())
        second.chmod(0o600)
        second.write_bytes(second.read_bytes()[:-9])
        found = {each.problem.path for each in other.verify() if each.problem}
    assert found == {path.relative_to(root / "other").as_posix() for path in (first, second)}


def test_nothing_is_ever_sent(station: Station) -> None:
    """A report that waited in the other archive is withheld here, and a service on this one leaves it alone."""
    there = station.root / "there"
    there.mkdir()
    fill(there)
    station.add("C")
    new(station.archive_root)
    with Client([there / "archive"]) as client:
        client.export_bag(there / "bag")
    with Client([station.archive_root]) as client:
        client.import_bag(there / "bag")
    station.run()
    assert not station.server.received
    with Client([station.archive_root]) as client:
        details = [client.details(each.archive_id) for each in client.entries()]
    states = {report.submission_state for each in details for report in each.reports}
    assert states == {SubmissionState.WITHHELD}


def test_an_id_of_another_source_is_refused(root: Path) -> None:
    """An entry whose id another source has here is named and left out; the one that is here stays as it is."""
    with Archive.open(root / "archive") as archive:
        (entry,) = archive.find(EntryFilter(serial_number="SN0")).items
    moment = entry.created_at
    (root / "mine.csv").write_bytes((root / "SN0.csv").read_bytes())
    with Archive.open(root / "other", own=True, clock=lambda: moment) as archive:
        mine = ingest.archive_source(archive, ingest.NewSource(path=root / "mine.csv", converter_name="D"))
    assert mine.archive_id == entry.archive_id
    with Client([root / "other"]) as client:
        done = client.import_bag(root / "bag")
        assert (done.imported, len(done.refused)) == (4, 1) and "another source" in done.refused[0].reason
        assert client.details(entry.archive_id).entry.converter_name == "D"
        assert not [each for each in client.verify() if each.problem]


def test_entries_older_than_the_policy_are_asked_about(root: Path) -> None:
    """Nothing is imported that would be purged soon, unless somebody says so."""
    later = utc_now() + timedelta(days=400)
    with Client([root / "other"]) as client:
        for archive in client._archives.all:
            archive.now = lambda: later
        with pytest.raises(NeedsConfirmation, match="5 entries of the bag are older"):
            client.import_bag(root / "bag")
        assert client.find().total == 0
        assert client.import_bag(root / "bag", confirmed=True).too_old == 5


def test_a_new_archive_is_created_for_old_entries_only_when_confirmed(tmp_path: Path) -> None:
    """Entries that the policy of a new archive would purge are asked about before its folder is created."""
    (tmp_path / "a.csv").write_text("a")
    earlier = utc_now() - timedelta(days=400)
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        archive.now = lambda: earlier
        ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "a.csv", converter_name="C"))
    with Client([tmp_path / "archive"]) as client:
        client.export_bag(tmp_path / "bag")
    words = ["import", str(tmp_path / "bag"), "--archive", str(tmp_path / "new")]
    assert "1 entry of the bag is older" in command(*words).stderr
    assert not (tmp_path / "new").exists()
    assert json.loads(command(*words, "--yes", "--json").stdout)["too_old"] == 1


def test_without_bytes_the_record_is_imported(root: Path) -> None:
    """A bag without sources and reports makes entries that say so, and a sound archive."""
    with Client([root / "archive"]) as client:
        client.export_bag(root / "bare", sources=False, reports=False)
    answer = command("import", root / "bare", "--archive", root / "fresh", "--json")
    assert json.loads(answer.stdout)["imported"] == 5, answer.stderr
    with Client([root / "fresh"]) as client:
        assert not [each for each in client.verify() if each.problem]
        assert client.details(client.resolve("SN0")).reports[0].report_id
        assert not client.details(client.resolve("SN0")).entry.source_archived_path


def test_odd_names_come_back(tmp_path: Path) -> None:
    """A source and a companion get back names that no bag can have."""
    names = ["a\nb.log", "con", "50%.log", "ä" * 125 + ".log", os.fsdecode(b"\xff\xfe.log")]
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        for name in names:
            (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
            (tmp_path / f"x{name}"[:90]).write_bytes(b"beside")
            rules = (f"x{name}"[:90].replace("[", "?"),)
            new_source = ingest.NewSource(path=tmp_path / name, converter_name="C", companion_rules=rules)
            ingest.archive_source(archive, new_source)
    with Client([tmp_path / "archive"]) as client:
        client.export_bag(tmp_path / "bag")
    with Client([new(tmp_path / "other")]) as client:
        assert client.import_bag(tmp_path / "bag").imported == len(names)
        restored = client.restore([each.archive_id for each in client.entries()], tmp_path / "back")
    assert {each.path.name for each in restored if each.path} == set(names)
    require_all(tmp_path, tmp_path / "other")


@pytest.mark.posix("fork")
@pytest.mark.long
def test_a_crash_at_any_step_is_finished_by_the_next_import(root: Path) -> None:
    """Crash at step k for every k, import again: each entry is there once, whole and equal (invariant 5)."""
    shutil.copytree(root / "other", root / "empty")
    shutil.rmtree(root / "bag")
    with Client([root / "archive"]) as client:
        ids = tuple(map(client.resolve, ("SN1", "GONE")))
        client.export_bag(root / "bag", EntryFilter(archive_ids=ids))
    for number in range(10_000):
        shutil.rmtree(root / "other")
        shutil.copytree(root / "empty", root / "other")
        if not _crashes(root, number):
            break
        with Client([root / "other"]) as client:
            assert client.import_bag(root / "bag").refused == ()
        require_all(root, root / "other", set(ids))
    assert number > 25


def test_the_record_of_an_import_that_did_not_commit_is_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of a newer bag replaces the record that a failed one left; the history names what is there (invariant 8)."""

    def fails(*_: object) -> None:
        raise StorageError("the disk is full")

    with Client([root / "other"]) as other:
        with monkeypatch.context() as patched, pytest.raises(StorageError):
            patched.setattr(bringing, "commit", fails)
            other.import_bag(root / "bag")
        left = {path: path.read_bytes() for path in (root / "other" / layout.ORIGINS).rglob("*.gz")}
        with Client([root / "archive"]) as one:
            one.export_bag(root / "newer")
        assert len(left) == 5 and other.import_bag(root / "newer").refused == ()
        assert len([path for path, content in left.items() if path.read_bytes() != content]) >= 1
        origin = other.details(other.resolve("SN0")).events[0].details["imported_from"]
        with Archive.open(root / "other") as archive:
            record = json.loads(b"".join(archive.blobs.read_checked(*origin["record"].values())))
    assert (len(record["events"]), record["events"][-1]["hash"]) == (origin["events"], origin["last_hash"])
    require_all(root, root / "other")


def _crashes(root: Path, number: int) -> bool:
    child = os.fork()
    if child == 0:
        left = [number]

        def die(*_: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)

        try:
            from pywats_archive.client.importing.bag import checking, files, running  # noqa: PLC0415

            with (
                Archive.open(root / "other", on_step=die) as archive,
                files.opened(root / "bag") as found,
                checking.checked(found, root / "bag", on_file=lambda _: None) as bag,
            ):
                running.run(archive, bag, "test", lambda _: None)
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    return code == 9


@pytest.mark.posix("SIGKILL")
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_hundreds_of_entries_exported_and_imported(tmp_path: Path) -> None:
    """250 entries, five groups: the bag is valid by bagit and its own commands; imported, killed twice, they are equal."""
    from tests.bags import require_valid  # noqa: PLC0415

    fill(tmp_path, files=247)
    with Client([tmp_path / "archive"]) as client:
        assert client.export_bag(tmp_path / "bag").entries == 250
    require_valid(tmp_path / "bag")
    words = ("import", tmp_path / "bag", "--archive", tmp_path / "other")
    for kill_after in (1, 120, None):
        process = started(*words, stderr=2)
        while kill_after and process.poll() is None:
            if sum(1 for _ in (tmp_path / "other" / "sources").rglob("*.gz")) > kill_after:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        assert process.wait(PATIENCE_S) in (0, -signal.SIGKILL)
    assert process.returncode == 0
    require_all(tmp_path, tmp_path / "other")
