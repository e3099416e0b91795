"""Whoever may write to Done makes the service do nothing by it: notes are signed, and no link is followed there."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_owed import failing, put_aside
from tests.station import Station

posix = pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
NOTE: dict[str, Any] = {
    "converter_name": "on",
    "status": "SUCCESS",
    "state": "done",
    "converted_at": "",
    "duration_ms": 1,
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is none of the station's, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "private.log").write_bytes(b"private")
    return folder


def report() -> str:
    steps = {"name": "Main", "steps": [{"name": "s"}]}
    told = {
        "type": "T",
        "id": "0d3c9f5e-8a4b-4f0e-9d55-6b1b7f2f8c11",
        "pn": "P",
        "sn": "FORGED",
        "rev": "A",
        "root": steps,
    }
    more = {"processCode": 10, "result": "P", "machineName": "M", "location": "L", "purpose": "T"}
    return json.dumps({**told, **more, "start": "2026-02-13T10:00:00+00:00"})


def named(path: Path) -> dict[str, Any]:
    """Return the fields of a note that name a file as the source, with a report to be sent."""
    status = path.stat()
    there = {"original_path": str(path), "size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    return {**NOTE, **there, "reports": [report()]}


def linked_source(kept: Path, outside: Path, watch: Path) -> None:
    kept.mkdir()
    (kept / "source").symlink_to(outside)


def linked_folder(kept: Path, outside: Path, watch: Path) -> None:
    (outside / "source").mkdir()
    (outside / "private.log").rename(outside / "source" / "private.log")
    kept.symlink_to(outside)


def linked_note(kept: Path, outside: Path, watch: Path) -> None:
    (kept / "source").mkdir(parents=True)
    (kept / "source/x.log").write_bytes(b"x")
    (outside / "note.json").write_text(json.dumps(NOTE))
    (kept / "note.json").symlink_to(outside / "note.json")


def linked_file(kept: Path, outside: Path, watch: Path) -> None:
    (kept / "source").mkdir(parents=True)
    (kept / "source/x.log").symlink_to(outside / "private.log")


def naming_what_lies_outside(kept: Path, outside: Path, watch: Path) -> None:
    kept.mkdir()
    (kept / "note.json").write_text(json.dumps(named(outside / "private.log")))


def naming_a_source(kept: Path, outside: Path, watch: Path) -> None:
    (watch / "a.xyz").write_bytes(b"a")
    kept.mkdir()
    (kept / "note.json").write_text(json.dumps(named(watch / "a.xyz")))


ATTACKS = [
    *(pytest.param(attack, marks=posix) for attack in (linked_source, linked_folder, linked_note, linked_file)),
    *(naming_what_lies_outside, naming_a_source),
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_others_put_into_done_moves_and_sends_nothing(
    station: Station, outside: Path, attack: Callable[[Path, Path, Path], None]
) -> None:
    """A link or an unsigned note in Done/not-archived is an alert; nothing is archived, moved or sent (invariant 11)."""
    watch = station.add("on", file_patterns=["*.log"], on_archive_error="continue")
    station.run()
    (station.root / "on/Done/not-archived").mkdir(parents=True)
    attack(station.root / "on/Done/not-archived/x", outside, watch)
    before = {path: path.read_bytes() for path in (*outside.rglob("*.*"), *watch.iterdir())}
    (left,) = station.run().waiting
    assert str(station.root / "on/Done/not-archived/x") in left
    assert {path: path.read_bytes() for path in (*outside.rglob("*.*"), *watch.iterdir())} == before
    assert station.entries() == () and station.server.received == {}
    assert station.names("on/Done") == ["not-archived"] and station.names("on/Error") == []
    assert "note.untrusted" in {name for name, _ in open_alerts(station)} or attack is linked_file


def owed_one(station: Station) -> tuple[Path, Path]:
    """Put one source aside; returns its folder, and the block that keeps the archive from working."""
    watch, blocked = failing(station)
    (watch / "a.log").write_bytes(b"a")
    station.run()
    (source,) = put_aside(station)
    return source.parents[1], blocked


def edited(kept: Path) -> None:
    told = json.loads((kept / "note.json").read_text())
    (kept / "note.json").write_text(json.dumps(told | {"error": "it was not so"}))


def unsigned(kept: Path) -> None:
    told = json.loads((kept / "note.json").read_text())
    (kept / "note.json").write_text(json.dumps({k: v for k, v in told.items() if k not in ("signature", "checksum")}))


def copied(kept: Path) -> None:
    kept.rename(kept.with_name("copy"))


def replaced(kept: Path) -> None:
    (kept / "source/a.log").write_bytes(b"b")


def added(kept: Path) -> None:
    (kept / "source/b.log").write_bytes(b"b")


@pytest.mark.parametrize("change", [edited, unsigned, copied, replaced, added])
def test_what_is_owed_and_was_changed_waits_for_a_person(station: Station, change: Callable[[Path], None]) -> None:
    """A note is taken at its word where it lies, as it was written, and for the bytes that it is of (invariant 11)."""
    kept, blocked = owed_one(station)
    change(kept)
    blocked.unlink()
    (left,) = station.run().waiting
    assert "on/Done/not-archived" in left
    assert station.entries() == () and put_aside(station) != []
    (subject,) = [subject for name, subject in open_alerts(station) if name == "note.untrusted"]
    shutil.rmtree(subject)
    assert station.run().waiting == () and open_alerts(station) == []


def test_a_note_of_an_earlier_version_is_taken_when_a_person_vouches_for_it(station: Station) -> None:
    """It has no signature; with the person's word it is archived as ever, and still follows no link (invariant 11)."""
    kept, blocked = owed_one(station)
    unsigned(kept)
    blocked.unlink()
    assert "--accept-notes" in station.run().waiting[0]
    assert station.run(accept_notes=True).waiting == ()
    assert station.names("on/Done") == ["a.log", "not-archived"] and station.names("on/Done/not-archived") == []
    assert [report.report_id for report in station.details().reports] == list(station.server.received)


@pytest.mark.parametrize("attack", ATTACKS[:-1])
def test_a_persons_word_is_for_notes_not_for_what_lies_outside(
    station: Station, outside: Path, attack: Callable[[Path, Path, Path], None]
) -> None:
    """Even where unsigned notes are taken, none names what lies elsewhere, and no link is followed (invariant 11)."""
    watch = station.add("on", on_archive_error="continue")
    station.run()
    (station.root / "on/Done/not-archived").mkdir(parents=True)
    attack(station.root / "on/Done/not-archived/x", outside, watch)
    assert len(station.run(accept_notes=True).waiting) == 1
    assert station.entries() == () and len(list(outside.rglob("private.log"))) == 1


def open_alerts(station: Station) -> list[tuple[str, str]]:
    with station.archive() as archive, archive.read() as db:
        return [tuple(row) for row in db.exec_driver_sql("SELECT name, subject FROM alerts").all()]
