"""Erasure leaves alone what belongs to other entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.captured import capture_logs
from tests.command import command
from tests.station import Station, wait_for_event

from pywats_archive import ArchiveInUse, Client, ErasureChoice
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import acting
from pywats_archive.archive.erasing.naming import is_word
from pywats_archive.catalog import arrivals, checks
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.integrity import Problem, ProblemKind

CODE = """
class Own(Any):
    file_patterns = property(lambda self: ["*.csv"])
    def outcome(self, source, context):
        if source.path.stem.startswith("bad") or source.path.stem.startswith("A-100_"):
            raise ValueError(source.path.read_text())
        sn, warning = source.path.read_text().split(";")
        return ConverterResult.success_result(report=report(sn), warnings=[warning])
"""
FILES = {
    "one": "A-100;fine",
    "two": "A-100-2;fine",
    "three": "B.A-100;fine",
    "four": "C4;as A-100",
    "A-100": "E6;fine",
    "bad A-100": "no limits",
    "bad A-100-2": "no limits",
    "bad5": "expected A-100 volts",
    "bad6": "expected A-100-2 volts",
    "A-100_1": "no limits",
}


def filled(station: Station, files: dict[str, str]) -> dict[str, ArchiveEntry]:
    """Archive files; returns the entries by the stems of their files."""
    station.code(CODE)
    watch = station.add("ICT", "own.Own", post_action="delete")
    for stem, content in files.items():
        (watch / f"{stem}.csv").write_text(content)
    station.run()
    for path in watch.iterdir():
        if path.is_file():
            path.unlink()
    return {Path(each.source_original_path).stem: each for each in station.entries()}


def client(station: Station) -> Client:
    return Client.from_config(station.root / "config.json")


def test_a_serial_number_means_no_other_one(station: Station) -> None:
    """Numbers that contain it stay, and so do entries that only mention it: these are listed."""
    entries = filled(station, FILES)
    names = {each.archive_id: name for name, each in entries.items()}
    with client(station) as opened:
        found = opened.preview_erasure(ErasureChoice(serial_number="A-100"))
        done = opened.erase(ErasureChoice(serial_number="a-100"), reason="request")
    assert {names[each.archive_id]: each.found_by for each in found.entries} == {
        "one": "serial number",
        "bad A-100": "name",
    }
    assert {names[each.archive_id]: each.found_by for each in found.also_named} == dict.fromkeys(
        ("four", "A-100", "bad A-100-2", "bad5", "bad6", "A-100_1"), "text"
    )
    assert (done.entries, done.also_named) == (len(found.entries), found.also_named)
    shown = command("erase", "--serial", "A-100", "--config", station.root / "config.json").stdout
    assert f"{entries['bad5'].archive_id}  also mentions the text, and stays" in shown


@pytest.mark.parametrize(
    ("within", "is_named"),
    [
        ("A-100", True),
        ("of a-100, at 9", True),
        ("(A-100)", True),
        ("unit A-100.", True),
        ("__A-100--", True),
        ("A-100-2", False),
        ("A-100--2", False),
        ("B.A-100", False),
        ("B__A-100", False),
        ("/in/A-100/x", False),
        ("A-1000", False),
        ("XA-100", False),
        ("A-1", False),
        ("A-100-2 and A-100", True),
    ],
)
def test_a_word_ends_where_nothing_joins_it(within: str, is_named: bool) -> None:
    """``-``, ``.``, ``_`` and ``/`` join letters and digits to one word."""
    assert is_word("A-100", within) is is_named


def test_a_check_names_each_erasure_that_an_anchor_does_not_prove(station: Station) -> None:
    """An erasure could be forged by whoever may write to the catalog: a person compares it with the requests."""
    entry = filled(station, {"one": "A-100;fine"})["one"]
    config, mail = station.root / "config.json", station.root / "mail.txt"
    mail.write_text(command("anchor", "--config", config).stdout)
    words = ("verify", "--config", config, "--anchor", mail)
    assert "erased" not in command(*words).stdout
    with client(station) as opened:
        opened.erase(ErasureChoice(serial_number="A-100"), reason="request 12", actor="os:ann")
    shown = command(*words)
    assert shown.returncode == 0
    (line, extent) = [each for each in shown.stdout.splitlines() if "erased" in each]
    assert line.startswith("erased: not proved by an anchor: ") and f"of entry {entry.archive_id}, by event " in line
    assert line.endswith(" UTC, os:ann: request 12")
    assert ", except what the erased events said" in extent
    (history,) = json.loads(command(*words, "--json").stdout)["histories"]
    (erasure,) = history["erasures"]
    assert (erasure["archive_id"], erasure["actor"], erasure["reason"]) == (entry.archive_id, "os:ann", "request 12")
    assert erasure["erased"] == history["erased"] > 0


def test_a_large_catalog_is_not_written_anew_beside_a_service(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits of the service would fail meanwhile, and files could pass unarchived; nothing is erased (invariant 1)."""
    entry = filled(station, {"one": "A-100;fine"})["one"]
    choice = ErasureChoice(archive_ids=(entry.archive_id,))
    monkeypatch.setattr(acting, "_MOST_BESIDE_SERVICE", 1000)  # a file of 500 MB would take long to make
    with client(station) as opened:
        with capture_logs() as lines, station.serving():
            wait_for_event(lines, "service.started")
            with pytest.raises(ArchiveInUse, match=r"metadata\.db: has .* stop the service, run 'erase' again"):
                opened.erase(choice, reason="request")
        assert station.entry().source_original_path == entry.source_original_path
        assert opened.erase(choice, reason="request").entries == 1


def test_findings_and_open_arrivals_of_others_stay(station: Station) -> None:
    """A number may be that of a year in paths; a file that waits under the same path is archived later."""
    entries = filled(station, {"result": "2026;fine", "other": "S2;fine"})
    other, at = entries["other"], "2026-02-13T10:00:00.000000+00:00"
    path = entries["result"].source_original_path
    damaged = Problem(
        kind=ProblemKind.BLOB_DAMAGED, path=other.source_archived_path, archive_id=other.archive_id, message="damaged"
    )
    with Archive.open(station.archive_root, own=True) as archive:
        archive.write(lambda tx: checks.add_finding(tx, damaged, archive.now()))
        archive.write(
            lambda tx: tx.exec_driver_sql(
                "INSERT INTO arrivals (converter_name, path, size_bytes, mtime_ns, first_seen_at, state, changed_at, attempts) "
                "VALUES ('ICT', ?, 9, 9, ?, 'seen', ?, 0)",
                (path, at, at),
            )
        )
    with client(station) as opened:
        assert opened.erase(ErasureChoice(archive_ids=(entries["result"].archive_id,)), reason="request").entries == 1
    with Archive.open(station.archive_root) as archive, archive.read() as db:
        assert [each.problem.path for each in checks.findings(db)] == [other.source_archived_path]
        assert [each.path for each in arrivals.unfinished(db)] == [path]
