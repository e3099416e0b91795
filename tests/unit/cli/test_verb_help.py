"""The help of each verb fits a narrow terminal, and says how the verb is called and how it exits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.command import command

from pywats_archive.cli.application import made_command
from pywats_archive.cli.examples import EXAMPLES
from pywats_archive.cli.verbs import NAMED, VERBS

_LONGEST_HELP, _LONGEST_OPTION = 45, 85
_COLUMNS = 80


def verbs() -> Iterator[tuple[str, Any]]:
    """Every verb with its name, also those in groups."""

    def below(name: str, verb: Any) -> Iterator[tuple[str, Any]]:
        yield name, verb
        for inner, each in getattr(verb, "commands", {}).items():
            yield from below(f"{name} {inner}", each)

    for name, verb in made_command(VERBS).commands.items():
        yield from below(name, verb)


ALL = dict(verbs())


def test_every_verb_has_an_example_and_every_example_is_of_a_verb() -> None:
    """The examples begin with the verb, or in a group with one of its verbs."""
    assert EXAMPLES.keys() == ALL.keys()
    assert all(example.words.startswith(name) for name, example in EXAMPLES.items())


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_a_verb_is_short(name: str) -> None:
    """One line of at most 45 characters, the same as in the list of verbs; options in at most two lines."""
    first = (ALL[name].help or "").split("\n\n")[0]
    assert first.endswith(".") and len(first) <= _LONGEST_HELP, first
    assert name not in NAMED or first == NAMED[name].help
    for option in ALL[name].params:
        help_text = getattr(option, "help", None) or ""
        assert 0 < len(help_text) <= _LONGEST_OPTION, (option.opts, help_text)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_the_help_of_a_verb_has_an_example_and_the_exit_codes(name: str, asked: str) -> None:
    """It is on stdout, exits with 0, and no line is longer than 80 characters."""
    answer = command(*name.split(), asked)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"\n    pywats-archive {EXAMPLES[name].words}\n" in answer.stdout
    assert all(f"\n    {code}  " in answer.stdout for code in (0, 1, 2))
    assert max(map(len, answer.stdout.splitlines())) <= _COLUMNS
    assert not re.search(r"x<=\d{8}", answer.stdout), "a limit of the computer"


def test_the_list_of_verbs_fits_80_columns() -> None:
    """The first thing that anyone reads."""
    assert max(map(len, command("-h").stdout.splitlines())) <= _COLUMNS


@pytest.mark.parametrize(
    "name", [name for name, verb in ALL.items() if hasattr(verb, "commands") and not verb.invoke_without_command]
)
def test_a_group_without_a_verb_shows_its_help(name: str) -> None:
    """That is no wrong use. The group ``web`` does something by itself."""
    answer = command(*name.split())
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", command(*name.split(), "-h").stdout)


def test_a_mistyped_verb_or_option_is_answered_with_what_was_meant() -> None:
    """In a group too; the line names the help of the verb that was called."""
    for words, meant, called in (
        ("policy sett", "Did you mean 'set'", "policy --help"),
        ("list --convertr x", "--converter", "list --help"),
        ("lst", "did you mean 'list'", "--help"),
    ):
        answer = command(*words.split())
        (line,) = answer.stderr.splitlines()
        assert answer.returncode == 2 and meant in line and f"'pywats-archive {called}'" in line


def test_verbose_says_which_place_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, and only where a verb looks for a configuration."""
    answer = command("list", "-v", "--archive", "none")
    assert answer.stderr.splitlines()[0].endswith(f"{os.sep}none (--archive)")
    assert {name for name, verb in ALL.items() if "config" in _names(verb)} == {
        name for name, verb in ALL.items() if "verbose" in _names(verb)
    }


def _names(verb: Any) -> set[str]:
    return {option.name for option in verb.params}
