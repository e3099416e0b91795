"""The table of verbs: what the help of the command says is what each verb says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.command import command

from pywats_archive.cli.application import made_app
from pywats_archive.cli.verbs import NAMED, VERBS, Verb, overview, unknown

DOCUMENTED = Path(__file__).parents[3] / "docs" / "reference" / "command.md"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_line_of_the_table_begins_the_help_of_its_verb(verb: Verb) -> None:
    """One text, of at most 45 characters, so that it fits on a line beside the verb."""
    answer = command(verb.name, "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[2].strip() == verb.help
    assert len(verb.help) <= 45 and verb.help.endswith(".")


def test_the_help_lists_every_verb_once() -> None:
    """Each verb stands in its group, and no line is longer than a narrow terminal's but the last."""
    listed = re.findall(r"^  ([a-z]+) ", overview(), re.MULTILINE)
    assert sorted(listed) == sorted(NAMED)
    assert all(len(line) <= 83 for line in overview().splitlines()[:-1])


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["--version", "-h"]], ids=" ".join)
def test_the_help_is_asked_for_in_several_ways(words: list[str]) -> None:
    """Without words too."""
    answer = command(*words)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, overview(), "")


@pytest.mark.parametrize(
    ("word", "meant"), [("lst", "list"), ("Verify", "verify"), ("serach", "search"), ("xyz", None)]
)
def test_a_mistyped_verb_is_answered_with_the_one_that_is_near(word: str, meant: str | None) -> None:
    """Wrong use: exit 2, one line."""
    answer = command(word, "--all")
    hint = f"did you mean '{meant}'? " if meant else ""
    line = f"pywats-archive: no verb '{word}'; {hint}'pywats-archive --help' lists the verbs\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", line)
    assert unknown(word) in line


def test_the_reference_names_every_verb() -> None:
    """The page lists the verbs that there are, and no other."""
    table = DOCUMENTED.read_text(encoding="utf-8").partition("## Verbs")[2].partition("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z]+)`", "".join(first))) == sorted(NAMED)


def test_every_verb_can_be_made_at_once() -> None:
    """No two verbs share a name."""
    assert made_app(VERBS) is not None and len(NAMED) == len(VERBS)
