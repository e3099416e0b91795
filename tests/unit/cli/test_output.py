"""JSON documents as they are written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from pywats_archive.cli.output import print_json, print_json_line


@dataclass(frozen=True)
class Document:
    """A document with any values."""

    values: list[Any]
    name: str = "ä\udcff"


def test_numbers_that_json_lacks_are_strings(capsys: pytest.CaptureFixture[str]) -> None:
    """A report may hold NaN; what is printed is JSON for every reader, and ASCII."""
    print_json(Document([float("nan"), float("inf"), 1.5]))
    text = capsys.readouterr().out
    assert text.isascii() and "NaN," not in text
    assert json.loads(text) == {"schema": 1, "values": ["NaN", "Infinity", 1.5], "name": "ä\udcff"}


def test_a_document_of_a_stream_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It has its schema too."""
    print_json_line(Document([1]))
    text = capsys.readouterr().out
    assert text.count("\n") == 1 and json.loads(text)["schema"] == 1
