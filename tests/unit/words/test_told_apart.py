"""Names of stations that people can tell apart."""

from __future__ import annotations

from pywats_archive.words.text import told_apart


def test_of_two_with_one_name_each_has_a_part_of_its_uuid() -> None:
    """A name that occurs once stays as it is; a station without a name has its uuid."""
    found = told_apart([("fct-1", "7c9e6679-a"), ("ict-2", "93df9ba5-b"), ("fct-1", "4b9dc768-c"), ("", "0f0f0f0f-d")])
    assert found == {
        "7c9e6679-a": "fct-1 7c9e6679",
        "93df9ba5-b": "ict-2",
        "4b9dc768-c": "fct-1 4b9dc768",
        "0f0f0f0f-d": "0f0f0f0f",
    }
