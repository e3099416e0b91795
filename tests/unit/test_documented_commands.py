"""What the pages tell a person to type exists: verbs, their options, and the alerts that they explain."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.cli.application import made_command
from pywats_archive.cli.verbs import VERBS
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.words.alerts import _SENTENCES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("howto/*.md")])
_TYPED = re.compile(
    r"(?:^ {4}|`|'|\(|\| )(?:sudo (?:-u \w+ )?)?(?:\S*[/\\])?pywats-archive(?:\.exe)? ([^`'|)\n]*)", re.M
)
_ALERT = re.compile(r"^\| ((?:`[a-z]+\.\w+`(?:, )?)+) \|", re.M)
COMMAND: Any = made_command(VERBS)


def typed(page: Path) -> Iterator[list[str]]:
    """Yield the words after the program's name of each command that a page shows."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for found in _TYPED.finditer(text):
        line = found.group(1).split(" # ")[0].split(";")[0]
        try:
            yield shlex.split(line, posix=False)
        except ValueError:  # a quotation mark of the sentence around it
            yield line.split()


def fault(words: list[str]) -> str | None:
    """Return the word of a command that does not exist."""
    command, rest = COMMAND, list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if command is COMMAND:
        return rest[0] if rest and re.fullmatch(r"[a-z]+", rest[0]) else None
    known = {option for parameter in command.params for option in getattr(parameter, "opts", ())} | {"-h", "--help"}
    known |= {option for parameter in command.params for option in getattr(parameter, "secondary_opts", ())}
    asked = (word.split("=")[0].rstrip(".,:") for word in rest if re.match(r"--?[a-z]", word))
    return next((word for word in asked if word not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_of_a_page_exists(page: Path) -> None:
    """A person can type what a page shows."""
    assert [" ".join(words) for words in typed(page) if fault(words)] == []


def test_commands_are_found_on_the_pages() -> None:
    """The pattern finds commands in blocks, in tables and in sentences, also after sudo and with a path."""
    found = [" ".join(words) for page in PAGES for words in typed(page)]
    assert len(found) > 150
    assert {fault(words) for words in (["lst"], ["list", "--oldest"], ["list", "--last", "3"])} == {
        "lst",
        "--oldest",
        None,
    }


def test_each_alert_has_its_cause_and_remedy() -> None:
    """The page for operators explains every alert, once, and no other."""
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    explained = [name for row in _ALERT.findall(text) for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(explained) == sorted(_SENTENCES)


def test_each_answer_that_leads_to_a_cause_is_one_that_status_gives() -> None:
    """The table of causes quotes states, alerts and sentences that exist."""
    table = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").split("| the answer has |")[1].split("\n\n")[0]
    quoted = [each for row in table.splitlines()[2:] for each in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    states = {f"{state.value} since" for state in ArrivalState}
    said = ("cli/status.py", "archive/folder/presence.py")
    source = "".join((ROOT / "src" / "pywats_archive" / name).read_text(encoding="utf-8") for name in said)
    assert len(quoted) > 12
    assert [each for each in quoted if each not in states | set(_SENTENCES) and each not in source] == []
