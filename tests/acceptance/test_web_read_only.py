"""The pages of an archive on read-only media."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.filled import fill
from tests.readonly import read_only
from tests.web_server import pages


def test_the_pages_of_a_read_only_archive_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token and sessions are in a folder of the account; the next start finds the same token."""
    fill(tmp_path)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with read_only(tmp_path / "archive") as mounted:
        with pages(mounted) as served, served.browser() as browser, served.api() as api:
            entries = api.get("/api/v1/entries").json()["items"]
            assert len(entries) == 5
            for place in ("/archives", *(f"/entries/{each['archive_id']}" for each in entries)):
                assert browser.get(place).status_code == 200, place
        with pages(mounted) as again:
            assert again.token == served.token
    (folder,) = (tmp_path / "state" / "pywats-archive").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
