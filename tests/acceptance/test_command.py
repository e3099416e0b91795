"""The command as people and programs meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import command
from tests.station import PATIENCE_S, Station


@pytest.fixture
def filled(station: Station) -> Station:
    """A station whose archive holds a success and a failure."""
    station.code(
        "class Bad(Any):\n    def outcome(self, source, context):\n        raise ValueError('no header line')\n"
    )
    (station.add("good") / "SN77.log").write_bytes(b"content")
    (station.add("bad", "own.Bad") / "b.log").write_bytes(b"x")
    station.run()
    return station


def test_list_search_show_stats_give_json_and_nothing_else(filled: Station) -> None:
    """Each verb's --json is one document with the analysis' field names, and the texts are found."""
    here = ("--archive", filled.archive_root)
    listed = json.loads(command("list", "--json", *here).stdout)
    assert listed["total"] == 2 and {e["conversion_status"] for e in listed["entries"]} == {"SUCCESS", "FAILED"}
    found = json.loads(command("search", "header", "--json", *here).stdout)
    assert [e["converter_name"] for e in found["entries"]] == ["bad"]
    by_serial = json.loads(command("list", "--serial", "sn77", "--json", *here).stdout)
    (entry,) = by_serial["entries"]
    shown = json.loads(command("show", entry["archive_id"], "--json", *here).stdout)
    assert {"conversions", "reports", "events"} <= shown.keys()
    assert shown["reports"][0]["submission_state"] == "ACCEPTED"
    assert json.loads(command("stats", "--json", *here).stdout)["by_status"] == {"FAILED": 1, "SUCCESS": 1}
    status = json.loads(command("status", "--json", *here).stdout)
    assert status["agrees"] and sum(account["came_in"] for account in status["accounts"]) == 2


def test_restore_brings_sources_back_and_replaces_nothing(filled: Station) -> None:
    """``restore`` twice into one folder gives two files (invariant 3)."""
    archive_id = filled.entries()[0].archive_id
    for _ in range(2):
        assert (
            command("restore", archive_id, "--to", filled.root / "out", "--archive", filled.archive_root).returncode
            == 0
        )
    assert len(filled.names("out")) == 2


@pytest.mark.parametrize("what", ["SN77.log", "SN77", "{watch}", "{done}"])
def test_status_says_where_a_source_is(filled: Station, what: str) -> None:
    """``status`` answers for a name, a serial number, the path where it was dropped, and that where it lies now."""
    good = filled.root / "good"
    asked = what.format(watch=good / "watch" / "SN77.log", done=os.path.relpath(good / "Done" / "SN77.log"))
    answer = json.loads(command("status", asked, "--json", "--archive", filled.archive_root).stdout)
    assert [entry["serial_number"] for entry in answer["entries"]] == ["SN77"]


def test_doctor_says_what_holds_where(filled: Station) -> None:
    """``doctor`` gives one document with each folder's level and advice, and exits with 1 when any is weaker."""
    config = filled.root / "config.json"
    answer = command("doctor", "--json", "--config", config)
    document = json.loads(answer.stdout)
    assert answer.returncode == (0 if document["healthy"] else 1), answer.stderr
    checks = {(check["topic"], check["subject"]): check["level"] for check in document["checks"]}
    assert (
        checks["converter", "good"] == checks["converter", "bad"] == checks["server", ""] == checks["clock", ""] == "ok"
    )
    by_path = {folder["path"]: folder for folder in document["folders"]}
    archive = by_path[str(filled.archive_root)]
    assert archive["uses"] == [{"role": "archive", "converter": None}]
    assert {"is there", "lock", "SQLite with WAL"} <= {check["check"] for check in archive["checks"]}
    assert by_path[str(filled.root / "good" / "watch")]["uses"] == [{"role": "watch", "converter": "good"}]
    table, short = (command("doctor", *words, "--config", config).stdout for words in (("-v",), ("--quick",)))
    assert "fsync of a file" in table and "[/" not in table, "markup is for terminals, and never shown"
    assert (
        "fsync of a file" not in short and "left out by --quick or --offline" in short and len(short.splitlines()) <= 24
    )
    told = command("doctor", "--archive", filled.root / "none" / "at all")
    assert "not yet" in told.stdout and "Traceback" not in told.stderr and not (filled.root / "none").exists()
    _one_line(command("doctor", "--config", filled.root / "none.json"), "no such file")
    _one_line(command("doctor", "--config", config, "--archive", filled.archive_root), "one of them")


def test_a_person_gets_tables(filled: Station) -> None:
    """Without --json the answers are readable text."""
    told = command("list", "--archive", filled.archive_root).stdout
    assert "failed" in told and "SN77" in told and "1 to 2 of 2" in told


def _one_line(result: subprocess.CompletedProcess[str], *told: str) -> None:
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("pywats-archive: ")
    assert all(word in lines[0] for word in told), lines[0]
    assert result.stdout == ""


def test_bad_input_gets_one_clear_line(filled: Station, tmp_path: Path) -> None:
    """Whatever is wrong with what was asked, one line says what, where, and what to do; exit 2."""
    here = ("--archive", filled.archive_root)
    config = filled.root / "config.json"
    _one_line(command("show", "nothing", *here), "'nothing'", "list")
    _one_line(command("list", "--status", "foo", *here), "--status 'foo'", "FAILED")
    _one_line(command("list", "--from", "yesterday", *here), "--from 'yesterday'")
    _one_line(command("list", "--from", "2026-02-02", "--to", "2026-02-01", *here), "lies after", "swap")
    _one_line(command("list", "--converter", "nobody", *here), "'nobody'", "'good'")
    _one_line(command("stats", "--converter", "nobody", *here), "'nobody'", "'good'")
    _one_line(command("list", "--archive", tmp_path / "none"), "holds no archive")
    _one_line(command("run", "--config", tmp_path / "none.json"), "none.json", "no such file")
    _one_line(command("stats", "--converter", "nobody", "--config", config), "'nobody'", "'good'")
    _one_line(command("list", "--bogus"), "--bogus")
    (tmp_path / "bad.json").write_text('{"converters": [\n  {"name": }\n]}')
    _one_line(command("run", "--config", tmp_path / "bad.json"), "bad.json", "line 2", "column 12")
    filled.add("wrong", compression_level=12)
    _one_line(
        command("run", "--config", filled.write_config()),
        "'wrong'",
        "compression_level = 12",
        "less than or equal to 9",
    )


def test_a_configuration_without_an_archive_is_told(station: Station) -> None:
    """If nothing is archived yet, the output says so, and which key turns it on; JSON stays JSON."""
    station.add("plain", archive_enabled=False)
    answer = command("list", "--json", "--config", station.write_config())
    assert json.loads(answer.stdout) == {"schema": 1, "entries": [], "total": 0, "total_is_exact": True}
    assert "archive_enabled" in answer.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a process of Windows only through its console")
@pytest.mark.parametrize(
    "verb", [["verify"], ["list", "--json"], ["rebuild", "--yes"], ["restore", "{id}", "--to", "{out}"]]
)
def test_an_interrupted_verb_exits_as_shells_expect(filled: Station, verb: list[str]) -> None:
    """Ctrl-C ends a verb with 130 and one line, leaves nothing half-done, and is not taken for damage that was found."""
    out, entry = filled.root / "out", filled.entries()[0]
    words = [word.format(id=entry.archive_id, out=out) for word in verb]
    touched = "metadata.db" if verb[0] == "list" else ".gz"
    code = (
        "import os, signal, sys\n"
        "from pywats_archive.cli.main import main\n"
        "def audit(event, given):\n"
        f"    if event in ('open', 'sqlite3.connect') and {touched!r} in str(given[0]):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(audit)\n"
        "main()\n"
    )
    whole = [sys.executable, "-c", code, *words, "--archive", str(filled.archive_root)]
    answer = subprocess.run(whole, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    said = json.loads(answer.stdout)["error"]["kind"] if "--json" in words else answer.stdout
    assert (answer.returncode, said) == (130, "Interrupted" if "--json" in words else ""), answer.stderr
    assert answer.stderr == "pywats-archive: interrupted before it was done\n"
    assert filled.names("out") == []


def test_an_archive_of_a_newer_format_is_refused(filled: Station) -> None:
    """A format that this version does not know is refused, not guessed."""
    path = filled.archive_root / "archive.json"
    known = path.read_text()
    path.write_text(json.dumps({**json.loads(known), "format_version": 99}))
    _one_line(command("list", "--archive", filled.archive_root), "newer", "update")
    path.write_text(known)


@pytest.mark.parametrize(
    "verb", [["verify"], ["status"], ["stats"], ["list"], ["rebuild"], ["search", "x"], ["hold", "list"]]
)
def test_an_archive_that_is_away_is_told_and_not_called_empty(filled: Station, verb: list[str]) -> None:
    """While an archive that was there is not, no verb says that all is well: one line says which, and what to do."""
    filled.archive_root.rename(filled.root / "elsewhere")
    answer = command(*verb, "--config", filled.root / "config.json")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "is not there; mount its disk" in answer.stderr and str(filled.archive_root) in answer.stderr
    filled.archive_root.mkdir()  # the empty mount point of its disk
    assert command(*verb, "--config", filled.root / "config.json").returncode == 1


def test_doctor_calls_no_place_good_whose_archive_is_away(filled: Station) -> None:
    """Where an archive was and is not, doctor says so, and tries nothing in what lies there."""
    filled.archive_root.rename(filled.root / "elsewhere")
    answer = json.loads(command("doctor", "--json", "--config", filled.root / "config.json").stdout)
    (folder,) = [each for each in answer["folders"] if each["path"] == str(filled.archive_root)]
    assert folder["level"] == "broken" and "is not there" in json.dumps(folder)


def test_a_sound_catalog_is_not_rebuilt_without_a_question(filled: Station) -> None:
    """What only the catalog knows is not given up by mistake: where nobody can be asked nothing is done."""
    before = (filled.archive_root / "metadata.db").read_bytes()
    answer = command("rebuild", "--archive", filled.archive_root)
    assert answer.returncode == 2 and "--yes" in answer.stderr
    assert (filled.archive_root / "metadata.db").read_bytes() == before


def test_words_need_no_quotes(filled: Station) -> None:
    """Several words are one search."""
    here = ("--json", "--archive", filled.archive_root)
    assert command("search", "no", "header", *here).stdout == command("search", "no header", *here).stdout
