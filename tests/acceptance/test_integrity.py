"""``verify``, ``rebuild`` and ``run --repair`` as people and programs meet them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from tests.command import command
from tests.station import PATIENCE_S, Station
from tests.terminal import Terminal

from pywats_archive import Client
from pywats_archive.errors import CatalogDamaged
from pywats_archive.models.operation.integrity import ProblemKind, Thoroughness
from pywats_archive.models.report import SubmissionState


@pytest.fixture
def filled(station: Station) -> Station:
    """A station that has converted, sent and put away six files."""
    watch = station.add("good", post_action="archive")
    for number in range(6):
        (watch / f"SN{number}.log").write_bytes(os.urandom(2000))
    station.run()
    return station


def test_verify_says_sound_or_what_is_not(filled: Station) -> None:
    """Exit 0 and no problem while all is sound; exit 1 and one line each, or one document, when something is not."""
    here = ("--archive", filled.archive_root)
    for how in ((), ("--quick",), ("--sample", "50%", "--seed", "s")):
        sound = command("verify", "--json", *how, *here)
        answer = json.loads(sound.stdout)
        assert (sound.returncode, answer["checked"], answer["problems"]) == (0, 13, []), how
        (history,) = answer["histories"]
        assert (history["archive"], history["bound_from"], history["anchor"]) == (str(filled.archive_root), 1, None)
    lines = command("verify", "--config", filled.root / "config.json").stdout
    assert "everything is sound" in lines
    assert "rows are bound from event 1 on; no anchor outside the archive: " in lines
    entry = filled.entries()[0]
    blob = filled.archive_root / entry.source_archived_path
    content = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(content[:-600] + b"?" + content[-599:])
    told = command("verify", *here)
    assert told.returncode == 1 and str(blob) in told.stdout and "1 problem found" in told.stdout
    answer = json.loads(command("verify", "--json", *here).stdout)
    (problem,) = answer["problems"]
    assert problem.keys() == {"kind", "path", "archive_id", "message"}
    assert (problem["path"], problem["archive_id"]) == (entry.source_archived_path, entry.archive_id)
    blob.write_bytes(content)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_problem_has_a_line_of_its_own_beside_the_progress_bar(filled: Station) -> None:
    """At a terminal, where the bar is drawn meanwhile."""
    blob = filled.archive_root / filled.entries()[0].source_archived_path
    content = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(content[:-9])
    with Terminal("verify", "--archive", filled.archive_root, environment={"TERM": "xterm"}) as terminal:
        assert terminal.end() == 1
    assert "checking " in terminal.shown
    before = re.findall(r"(.)blob_\w+: ", terminal.shown, re.DOTALL)
    assert before and set(before) <= {"\r", "\n"}, terminal.shown
    blob.write_bytes(content)


@pytest.mark.parametrize(
    "words", [["--sample", "0%"], ["--sample", "x"], ["--sample", "101"], ["--quick", "--sample", "5%"]]
)
def test_a_wrong_question_is_told(filled: Station, words: list[str]) -> None:
    """A part that is none, or two ways at once, is one line and exit 2."""
    result = command("verify", *words, "--archive", filled.archive_root)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and "--sample" in result.stderr


def test_verify_beside_a_working_service_finds_nothing(station: Station) -> None:
    """While the service archives, converts and commits, what is on its way is no problem."""
    watch = station.add("busy")
    (watch / "first.log").write_bytes(b"first")
    station.run()
    with station.serving(), Client([station.archive_root]) as client:
        for number in range(120):
            (watch / f"SN{number}.log").write_bytes(os.urandom(500))
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = [each.problem for each in client.verify(Thoroughness(quick=True)) if each.problem]
            assert found == []
            if client.status().accounts[0].by_state.get("done") == 121:
                break
        else:
            raise AssertionError("the service did not come to its end")


def test_rebuild_after_the_catalog_was_removed(filled: Station) -> None:
    """``rm metadata.db``: every verb says what to do, ``rebuild`` does it, and each source comes back bit for bit."""
    here = ("--archive", filled.archive_root)
    entry = filled.entries()[0]
    before = {path.name for path in (filled.archive_root / "sources").rglob("*.gz")}
    for path in filled.archive_root.glob("metadata.db*"):
        path.unlink()
    refused = command("list", *here)
    assert refused.returncode == 1 and "rebuild" in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert json.loads(command("verify", "--json", *here).stdout)["problems"][0]["kind"] == "catalog_damaged"
    answer = json.loads(command("rebuild", "--yes", "--json", *here).stdout)
    assert (answer["rebuilt"][0]["entries"], answer["rebuilt"][0]["reports"], answer["problems"]) == (6, 6, [])
    assert (
        json.loads(command("show", entry.archive_id, "--json", *here).stdout)["source_checksum"]
        == entry.source_checksum
    )
    assert command("restore", entry.archive_id, "--to", filled.root / "out", *here).returncode == 0
    assert {path.name for path in (filled.archive_root / "sources").rglob("*.gz")} == before
    assert command("verify", *here).returncode == 0
    assert command("status", *here).returncode == 0


def test_rebuild_says_one_as_one(station: Station) -> None:
    """One entry, with its report and then without; and at which age an entry without an outcome is purged."""
    (station.add("c") / "SN1.log").write_text("content")
    station.run()
    told = " ".join(command("rebuild", "--yes", "--archive", station.archive_root).stdout.split())
    assert "1 entry, 1 report and 0 blobs of companions are in" in told and "accepted by the server: 1" in told
    for path in (station.archive_root / "reports").rglob("*.gz"):
        path.unlink()
    told = " ".join(command("rebuild", "--yes", "--archive", station.archive_root).stdout.split())
    assert "1 entry without a report" in told and "purged at the longer of the two ages of their policy" in told


def test_rebuild_says_what_it_could_not_bring_along(filled: Station) -> None:
    """The result says where the old catalog is, and what was only in it."""
    told = command("rebuild", "--yes", "--archive", filled.archive_root)
    assert told.returncode == 0, told.stderr
    for words in ("6 entries, 6 reports", "WITHHELD", "metadata.db.damaged-", "reports accepted by the server: 6"):
        assert words in told.stdout
    kept = command("rebuild", "--config", filled.root / "config.json")
    assert kept.returncode == 0 and "every catalog can be read" in kept.stdout


def test_the_client_checks_and_rebuilds_what_is_damaged(filled: Station) -> None:
    """A damaged catalog stops a Client's other calls, not ``verify`` and ``rebuild``; after that all is well."""
    os.truncate(filled.archive_root / "metadata.db", 0)
    config = filled.write_config()
    with Client.from_config(config) as client:
        with pytest.raises(CatalogDamaged, match="rebuild"):
            client.statistics()
        assert [each.problem.kind for each in client.verify() if each.problem] == [ProblemKind.CATALOG_DAMAGED]
        told: list[tuple[int, int]] = []
        (rebuilt,) = client.rebuild(actor="test", on_progress=lambda done, total: told.append((done, total)))
        assert rebuilt.entries == 6 and told[-1] == (12, 12)
        assert client.statistics().total_entries == 6
        assert [each.problem for each in client.verify() if each.problem] == []
        assert client.rebuild(actor="test") == ()


@pytest.mark.parametrize("spoil", ["deleted", "garbage"])
def test_run_repair_goes_on_by_itself(station: Station, spoil: str) -> None:
    """``run`` refuses a damaged catalog; ``run --repair`` rebuilds it, keeps the old one, and sends what still waits (4, 5)."""
    watch = station.add("kept", post_action="keep")
    (watch / "SN1.log").write_bytes(b"one")
    station.run()
    (sent,) = station.server.received
    path = station.archive_root / "metadata.db"
    path.unlink()
    if spoil == "garbage":
        path.write_bytes(b"garbage" * 1000)
    (watch / "SN2.log").write_bytes(b"two")
    config = station.write_config()
    refused = command("run", "--config", config, "--processes", "1", "--until-idle")
    assert refused.returncode == 1 and "rebuild" in refused.stderr
    repaired = command("run", "--config", config, "--processes", "1", "--until-idle", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert len(list(station.archive_root.glob("metadata.db.damaged-*"))) == (spoil == "garbage")
    assert len(station.entries()) == 2 and len(station.server.received) == 2 and sent in station.server.received
    with station.archive() as archive:
        states = {r.submission_state for e in station.entries() for r in archive.reports_of(e.archive_id)}
    assert states <= {SubmissionState.WITHHELD, SubmissionState.ACCEPTED}
    assert command("status", "--archive", station.archive_root).returncode == 0


def test_a_copied_archive_is_sound_elsewhere(filled: Station, tmp_path: Path) -> None:
    """An archive that was copied to another place is checked there as it is."""
    copy = shutil.copytree(filled.archive_root, tmp_path / "copy")
    assert command("verify", "--archive", copy).returncode == 0
