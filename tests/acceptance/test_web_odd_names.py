"""One source whose name is not UTF-8 must not take the API's list from everybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.web_server import pages

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.portable.files import WINDOWS


@pytest.mark.skipif(WINDOWS, reason="POSIX names are bytes")
def test_a_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    """The API answers, with this entry and all others."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        for name in (b"plain.txt", b"bad\xff\xfe.txt"):
            path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
            path.write_bytes(name)
            bad = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C")).archive_id
    with pages(tmp_path / "archive") as served, served.api() as api:
        answers = {place: api.get(place).status_code for place in ("/api/v1/entries", f"/api/v1/entries/{bad}")}
        assert set(answers.values()) == {200}, answers
        assert len(api.get("/api/v1/entries").json()["items"]) == 2
