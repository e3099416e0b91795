"""The page on JSON says what the verbs print: it is made from their dataclasses, and it knows every verb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import typer
from tools.json_reference import DOCUMENTS, PAGE, STREAMS, WITHOUT, page
from tools.json_types import fields_of, parts_of

from pywats_archive.cli import verbs
from pywats_archive.cli.application import made_app
from pywats_archive.cli.failures import FailureDocument


def test_the_page_is_what_the_code_says() -> None:
    """docs/reference/json.md is up to date; ``make docs`` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run 'make docs'"


def test_each_field_has_a_meaning() -> None:
    """Each field of a document has a docstring below it in its dataclass."""
    parts = [each for each in parts_of([*DOCUMENTS.values(), *STREAMS.values(), FailureDocument]) if is_dataclass(each)]
    assert len(parts) > 30
    assert [f"{part.__name__}.{each.name}" for part in parts for each in fields_of(part) if not each.text] == []


def test_each_verb_has_json() -> None:
    """A verb takes ``--json`` and its document is on the page, unless it writes bytes for other programs."""
    found = dict(_commands(typer.main.get_command(made_app(verbs.VERBS))))
    assert len(found) > 30
    with_json = {name for name, options in found.items() if "--json" in options}
    assert {name for name in found if WITHOUT.isdisjoint((name, name.split()[0]))} - with_json == set()
    assert with_json - {*DOCUMENTS, *STREAMS} == set()


def _commands(group: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
    """Yield each verb, with those of its verbs, and the options that it takes."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{above}{name} ")
        else:
            yield above + name, {each for option in command.params for each in option.opts}
