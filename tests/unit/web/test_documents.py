"""How much of a report's document a page reads."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.web import documents
from pywats_archive.web.documents import read_document

STEP: dict[str, Any] = {
    "name": "a step, with } and \\",
    "status": "P",
    "numericMeas": [{"value": 123456789.25, "unit": "V"}],
}


def report(steps: int) -> dict[str, Any]:
    return {"sn": "SN1", "result": "F", "root": {"steps": [{**STEP, "id": number} for number in range(steps)]}}


def test_a_report_is_read_whole() -> None:
    """As it is, whatever its values are."""
    read = read_document(io.BytesIO(json.dumps(report(300)).encode()))
    assert (read.fields, read.is_cut) == (report(300), False)


def test_of_a_report_with_very_many_values_the_first_part_is_read() -> None:
    """Its steps are those of the report, each as it is, and no more than a page can show."""
    whole = report(100_000)
    content = io.BytesIO(json.dumps(whole).encode())
    read = read_document(content)
    found = read.fields["root"]["steps"]
    assert read.is_cut and read.fields["sn"] == "SN1"
    assert 10_000 < len(found) < documents.MOST_VALUES
    assert found[:-1] == whole["root"]["steps"][: len(found) - 1]
    assert content.tell() < len(content.getvalue()) / 1.5


SCALARS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES, st.integers(0, 2000))
def test_no_value_of_a_cut_document_differs(value: Any, at: int) -> None:
    """Wherever it is cut: a shortened number would be a wrong measurement."""
    whole = {"a": {"b": value}, "c": [{"d": value}, {"e": 1.5}]}
    text = json.dumps(whole).encode()
    assert is_part(documents._first_part(bytearray(text[: at % len(text)])), whole)


def is_part(part: Any, whole: Any) -> bool:
    """Whether a value is the other one, or its beginning."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(each, whole[key]) for key, each in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(is_part, part, whole))
    return bool(part == whole)


@pytest.mark.parametrize("text", [b'{"a": "\\ud800", "b": [{}', b"", b"\xef\xbb\xbf{}", b"[{}", b"no JSON {}"])
def test_what_is_no_document_has_no_fields(text: bytes) -> None:
    """It can still be downloaded."""
    assert documents._fields(documents._first_part(bytearray(text))) == {}
