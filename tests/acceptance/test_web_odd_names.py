"""Sources with odd names: they are listed, and can be downloaded under a name that leads nowhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

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


@pytest.mark.skipif(WINDOWS, reason="POSIX names have these characters")
def test_a_download_has_its_name_encoded(tmp_path: Path) -> None:
    """No separator, quote or line end of a name reaches the header as such (RFC 6266)."""
    names = ("..\\evil.exe", 'a"; filename=b.exe', "a\r\nx-evil: 1", "größe ☃.csv", "a;b=c%2f.csv")
    made: dict[str, str] = {}
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        for name in names:
            (tmp_path / name).write_bytes(name.encode())
            source = ingest.NewSource(path=tmp_path / name, converter_name="C")
            made[name] = ingest.archive_source(archive, source).archive_id
    with pages(tmp_path / "archive") as served, served.api() as api:
        for name, archive_id in made.items():
            answer = api.get(f"/api/v1/entries/{archive_id}/source")
            assert answer.content == name.encode() and "x-evil" not in answer.headers
            before, _, encoded = answer.headers["content-disposition"].partition("''")
            assert before == "attachment; filename*=UTF-8" and re.fullmatch(r"[\w.%~-]+", encoded, re.ASCII)
            assert unquote(encoded) == name.rpartition("\\")[2]
