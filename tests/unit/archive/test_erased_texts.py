"""Where an erasure replaces a text: as a whole word, and not in a longer one that belongs to another entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywats_archive.archive.erasing.log_lines import overwrite
from pywats_archive.archive.erasing.texts import Texts, in_bytes

WORDS = [
    ("A-100", "[]"),
    ("of a-100, at 9", "of [], at 9"),
    ("/in/A-100.csv", "/in/[].csv"),
    ("C:\\in\\A-100.tar.gz", "C:\\in\\[].tar.gz"),
    ("/in/A-100/x", "/in/[]/x"),
    ("unit A-100.", "unit []."),
    ("A-100-2", "A-100-2"),
    ("A-100.2", "A-100.2"),
    ("A-100--2.csv", "A-100--2.csv"),
    ("/in/A-100_1.csv", "/in/A-100_1.csv"),
    ("B.A-100", "B.A-100"),
    ("B__A-100", "B__A-100"),
    ("XA-100 A-1000", "XA-100 A-1000"),
]


@pytest.mark.parametrize(("text", "left"), WORDS)
def test_only_whole_words_are_replaced(text: str, left: str) -> None:
    """Values of events, alerts and runs keep the numbers of other units, which would else be found no longer."""
    assert Texts(["A-100"]).scrub({"x": [text]}) == {"x": [left.replace("[]", "[erased]")]}


@pytest.mark.parametrize("write", [str, repr, json.dumps])
@pytest.mark.parametrize(("text", "left"), WORDS)
def test_so_they_are_in_the_bytes_of_a_log(text: str, left: str, write: object) -> None:
    """The same rule, whatever way the text is quoted."""
    assert callable(write)
    pattern = in_bytes(["A-100"])
    assert pattern
    assert pattern.sub(b"[]", write(text).encode()) == write(left).encode()


def test_a_line_of_the_entry_has_no_joined_word_either(tmp_path: Path) -> None:
    """There a longer word, such as the name of a companion, is about the entry; in the lines of others it is theirs."""
    log = tmp_path / "service.log"
    log.write_text("path=/in/A-100.csv companion=A-100-setup.ini reason=worn\npath=/in/A-100-2.csv reason=worn\n")
    assert overwrite([log], names=["A-100"], messages=["worn"]) == 3
    assert log.read_text() == (
        "path=/in/*****.csv companion=*****-setup.ini reason=****\npath=/in/A-100-2.csv reason=worn\n"
    )


def test_a_reason_has_no_joined_word_either() -> None:
    """It stays for good."""
    assert Texts(["A-100"]).are_in("request for A-100-2") and not Texts(["A-100"]).are_in("request for A-1000")
    assert not Texts([]).are_in("request")
