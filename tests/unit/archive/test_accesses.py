"""Who read what is on record, also of accounts that may not write, and no note is believed more than its owner."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.filled import fill
from tests.readonly import read_only

from pywats_archive import Client
from pywats_archive.archive.access import folder, note, quota, recording
from pywats_archive.archive.access.intake import Intake
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.errors import AccessNotRecorded, StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.time import utc_now
from pywats_archive.portable.user import current_actor

READER = 12345
AS_ROOT = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="becomes another account")


@pytest.fixture
def root() -> Iterator[Path]:
    """An archive that every account may read, in a folder that every account may enter; a group may leave notes."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        fill(Path(base))
        archive = Path(base, "archive")
        folder.prepare(archive, required=False)
        for path in (archive, *archive.rglob("*")):
            if path.name != "accesses":
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        if os.geteuid() == 0:
            os.chown(archive / "accesses", -1, READER)
        yield archive


def as_reader(act: Callable[[], object]) -> None:
    """Act as another account, in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(READER)
            os.setuid(READER)
            os.umask(0o077)
            act()
            os._exit(0)
        except BaseException as exc:
            sys.stderr.write(repr(exc))
            sys.stderr.flush()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def notes(root: Path) -> list[Path]:
    return sorted((root / "accesses").glob("*.json"))


def recorded(root: Path, *kinds: str) -> list[Event]:
    with Archive.open(root) as archive, archive.read() as db:
        return [each for each in events.iterate(db) if each.kind in (kinds or ("source.restored", "report.read"))]


def take_in(root: Path) -> int:
    with Archive.open(root, own=True) as archive:
        return Intake(archive=archive).take_in()


def first_entry(root: Path) -> str:
    with Client(root) as client:
        return next(each.archive_id for each in client.find().items if each.report_count and each.source_archived_path)


@AS_ROOT
def test_an_account_that_may_only_read_leaves_a_note(root: Path) -> None:
    """The service takes it in: the history has the account that owns the file, the entry and the time (invariant 8)."""
    entry = first_entry(root)

    def read() -> None:
        with Client(root, actor="somebody") as client, client.open_report(entry, 1) as content:
            assert content.read().startswith(b"{")

    as_reader(read)
    (left,) = notes(root)
    assert (left.stat().st_uid, left.stat().st_gid, left.stat().st_mode & 0o777) == (READER, READER, 0o640)
    assert recorded(root) == []
    assert take_in(root) == 1
    assert notes(root) == []
    (event,) = recorded(root)
    assert (event.kind, event.archive_id, event.actor) == ("report.read", entry, f"os:{READER}")
    assert (event.details["number"], event.details["claimed_actor"]) == (1, "somebody")
    assert event.details["note"] == left.name and event.details["accessed_at"] <= event.at.isoformat()


@AS_ROOT
def test_a_note_that_claims_too_much_is_of_its_owner_or_refused(root: Path) -> None:
    """Another actor, another kind, an unknown entry, a link, a second name, a file without end: nothing of it is believed."""
    place, stem = root / "accesses", f"{utc_now():%Y%m%dT%H%M%S%f}"
    claimed = {"kind": "report.read", "at": "2001-01-01T00:00:00+00:00", "archive_id": "no", "actor": "service"}

    def forge() -> None:
        good = json.dumps({**claimed, "details": {"number": 1}})
        purge = json.dumps({**claimed, "kind": "entry.purged", "details": {}})
        deep = json.dumps({**claimed, "details": {"a": {"b": 1}}})
        for number, text in enumerate((good, purge, deep, "{", "[1]", "x" * 5000)):
            (place / f"{stem}-{number:016x}.json").write_text(text)
        (place / "other.json").write_text(good)
        (place / f"{stem}-{100:016x}.json").symlink_to(root / "archive.json")
        os.link(place / "other.json", place / f"{stem}-{101:016x}.json")
        os.mkfifo(place / f"{stem}-{102:016x}.json")
        for path in place.iterdir():
            if not path.is_symlink():
                path.chmod(0o640)

    as_reader(forge)
    assert take_in(root) == 2
    assert list(place.iterdir()) == []
    (event,) = recorded(root)
    assert (event.actor, event.archive_id) == (f"os:{READER}", None)
    assert (event.details["claimed_actor"], event.details["claimed_entry"]) == ("service", "no")
    assert event.details["accessed_at"] > "2020"
    (refused,) = recorded(root, "access.refused")
    assert (refused.actor, refused.details["files"]) == (f"os:{READER}", 9)
    assert len(refused.details["reasons"]) == 5
    assert recorded(root, "entry.purged") == []


@AS_ROOT
def test_no_account_removes_or_changes_the_note_of_another(root: Path) -> None:
    """The folder is sticky, and what says that a record is required is the archive's account's."""
    folder.prepare(root, required=True)
    note.leave(root, Event(kind="report.read", at=utc_now(), actor="os:ann"))
    (mine,) = notes(root)

    def attack() -> None:
        for act in (mine.unlink, lambda: mine.write_text("x"), (root / "accesses" / ".required").unlink):
            with pytest.raises(PermissionError):
                act()

    as_reader(attack)
    assert folder.is_required(root) and notes(root) == [mine]


@pytest.mark.posix("a process that ends at once")
def test_a_note_is_recorded_once_if_the_service_is_killed_before_it_is_removed(root: Path) -> None:
    """It is removed after the commit; the next start finds it in the history (invariant 5)."""
    for number in range(3):
        note.leave(root, Event(kind="report.read", at=utc_now(), actor="os:ann", details={"number": number}))
    child = os.fork()
    if child == 0:
        with Archive.open(root, own=True) as archive:
            Intake(archive=archive, on_step=lambda name: os._exit(9)).take_in()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert len(notes(root)) == 3 and len(recorded(root)) == 3
    assert take_in(root) == 0
    assert notes(root) == [] and sorted(each.details["number"] for each in recorded(root)) == [0, 1, 2]
    assert {each.actor for each in recorded(root)} == {"os:ann"}


def test_a_reader_waits_a_second_at_most_for_a_busy_writer(root: Path) -> None:
    """The access is in a note then, with the actor as it is, since the account could have written itself."""
    entry = first_entry(root)
    with Client(root) as client, closing(sqlite3.connect(root / "metadata.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        client.open_source(entry).close()
        assert time.monotonic() - began < 20 * recording.WAIT_S
        assert len(notes(root)) == 1 and recorded(root) == []
        other.execute("ROLLBACK")
        client.open_report(entry, 1).close()
    assert [each.kind for each in recorded(root)] == ["report.read"]
    take_in(root)
    assert [(each.kind, each.actor) for each in recorded(root)] == [
        ("report.read", current_actor()),
        ("source.restored", current_actor()),
    ]


def test_without_a_place_for_a_record_there_is_one_warning(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content of a read-only medium is shown all the same; one line says that the access is not recorded."""
    warnings: list[str] = []
    monkeypatch.setattr(recording, "_warned", set())
    monkeypatch.setattr(recording, "warn", lambda event, **fields: warnings.append(event))
    entry = first_entry(root)
    with read_only(root) as mounted, Client(mounted) as client:
        for _ in range(3):
            assert client.open_source(entry).read()
        (restored,) = client.restore([entry], tmp_path / "out")
    assert restored.path and not restored.is_on_record
    assert warnings == ["access.not_recorded"]


def test_where_a_record_is_required_nothing_is_shown_without_one(root: Path, tmp_path: Path) -> None:
    """``audit_required``: neither a source nor a report leaves a read-only medium."""
    folder.prepare(root, required=True)
    entry = first_entry(root)
    with read_only(root) as mounted, Client(mounted) as client:
        with pytest.raises(AccessNotRecorded, match="audit_required"):
            client.open_source(entry)
        with pytest.raises(AccessNotRecorded, match="audit_required"):
            client.open_report(entry, 1)
        (restored,) = client.restore([entry], tmp_path / "out")
    assert restored.error and "audit_required" in restored.error and not (tmp_path / "out").exists()
    folder.prepare(root, required=False)
    assert not folder.is_required(root)


def test_notes_are_few_and_small(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long path is cut, and no more notes wait than the folder may have."""
    note.leave(root, Event(kind="source.restored", at=utc_now(), details={"to": "ü" * 9000, "damage": "x" * 9000}))
    (only,) = notes(root)
    assert only.stat().st_size <= folder.MOST_BYTES
    monkeypatch.setattr(folder, "MOST_NOTES", 2)
    monkeypatch.setattr(note, "_counts", {})
    note.leave(root, Event(kind="report.read", at=utc_now()))
    with pytest.raises(StorageError, match="start the service"):
        note.leave(root, Event(kind="report.read", at=utc_now()))
    assert len(notes(root)) == 2 and take_in(root) == 2


@AS_ROOT
def test_notes_above_the_quota_of_an_account_are_counted_in_one_event(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of a reader's notes an hour are events, the rest is a number; the archive's own account has no quota."""
    monkeypatch.setattr(quota, "MOST_HOURLY", 2)

    def read() -> None:
        for _ in range(3):
            note.leave(root, Event(kind="report.read", at=utc_now()))

    with Archive.open(root, own=True) as archive:
        moments = [utc_now()]
        archive.now = lambda: moments[-1]
        intake = Intake(archive=archive)
        for hours, new in ((0, 3), (0.5, 1), (1.5, 3)):
            moments.append(moments[0] + timedelta(hours=hours))
            as_reader(read)
            read()
            assert intake.take_in() == 3 + new and notes(root) == []
    by_reader = [each for each in recorded(root, "report.read") if each.actor == f"os:{READER}"]
    assert (len(by_reader), len(recorded(root, "report.read"))) == (4, 4 + 9)
    assert [each.details["files"] for each in recorded(root, "access.refused")] == [1, 3, 1]
    assert all("within an hour" in next(iter(e.details["reasons"])) for e in recorded(root, "access.refused"))


def test_a_batch_that_is_not_full_is_the_last(root: Path) -> None:
    """A note that arrives meanwhile waits for the next time: whoever leaves them one by one gets no event for each."""

    def leave(*_: object) -> None:
        note.leave(root, Event(kind="report.read", at=utc_now()))

    leave()
    with Archive.open(root, own=True) as archive:
        intake = Intake(archive=archive, on_step=leave)
        assert [intake.take_in() for _ in range(2)] == [1, 1]
    assert len(notes(root)) == 1


def test_what_a_killed_reader_left_is_removed_and_a_half_written_note_is_not(root: Path) -> None:
    """An hour later, its process is gone."""
    old, new = root / "accesses" / ".old.part", root / "accesses" / ".new.part"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (1, 1))
    assert take_in(root) == 0
    assert not old.exists() and new.exists()
    shutil.rmtree(root / "accesses")
    assert take_in(root) == 0
