"""Names of converters, statuses and results are found in any case, and a mistyped one is answered with what was meant."""

from __future__ import annotations

import json

import pytest
from tests.command import command
from tests.station import Station


@pytest.fixture
def filled(station: Station) -> Station:
    """A station with one entry of the converter Ict."""
    (station.add("Ict") / "SN77.log").write_bytes(b"content")
    station.run()
    return station


def test_a_converter_is_found_in_any_case(filled: Station) -> None:
    """By every verb that takes the name of one; the answer has the name as the configuration has it."""
    here = ("--config", str(filled.root / "config.json"))
    for words in ("list --converter iCT", "search SN77 --converter ict", "list --converter Ict --status success"):
        found = json.loads(command(*words.split(), "--json", *here).stdout)
        assert [entry["converter_name"] for entry in found["entries"]] == ["Ict"], words
    assert json.loads(command("stats", "--converter", "ICT", "--json", *here).stdout)["converter_name"] == "Ict"
    shown = json.loads(command("policy", "show", "ict", "--json", *here).stdout)
    assert shown["converter_name"] == "Ict"
    done = command("policy", "set", "ict", "--min-days", "9", "--yes", *here)
    assert done.returncode == 0 and "Ict: the policy is set: 90 days" in done.stdout
    policies = json.loads(command("policy", "list", "--json", *here).stdout)["policies"]
    assert [(each["converter_name"], each["min_days"]) for each in policies if each["converter_name"] != "*"] == [
        ("Ict", 9)
    ]
    done = command("policy", "reset", "ict", "--yes", *here)
    assert done.returncode == 0 and "Ict: the policy is reset: 90 days" in done.stdout
    assert command("purge", "--converter", "ict", "--preview", *here).returncode == 0
    replayed = command("reprocess", "start", "--converter", "ict", "--dry-run", "--json", *here)
    assert json.loads(replayed.stdout)["total_archives"] == 1


def test_two_converters_with_nearly_the_same_name_are_told_apart(filled: Station) -> None:
    """The exact name is used, and any other case is refused."""
    (filled.add("ICT") / "SN78.log").write_bytes(b"other")
    filled.run()
    here = ("--config", str(filled.root / "config.json"))
    found = json.loads(command("list", "--converter", "ICT", "--json", *here).stdout)
    assert [entry["serial_number"] for entry in found["entries"]] == ["SN78"]
    answer = command("list", "--converter", "ict", *here)
    assert answer.returncode == 2 and "'ICT', 'Ict'" in answer.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("list --converter itc", "did you mean 'Ict'? there are 'Ict'"),
        ("purge --converter itc --preview --serial SN77", "did you mean 'Ict'?"),
        ("policy show lct", "did you mean 'Ict'?"),
        ("list --status fialed", "did you mean 'FAILED'? choose from"),
        ("list --result pased", "did you mean 'PASSED'? choose from"),
        ("list --submission acepted", "did you mean 'ACCEPTED'? choose from"),
    ],
)
def test_a_mistyped_name_is_answered_with_what_was_meant(filled: Station, words: str, meant: str) -> None:
    """One line, exit 2."""
    answer = command(*words.split(), "--archive", filled.archive_root)
    (line,) = answer.stderr.splitlines()
    assert answer.returncode == 2 and meant in line
