"""Opening what a configuration needs."""

from __future__ import annotations

import os

import pytest
from structlog.testing import capture_logs
from tests.station import Station

from pywats_archive.catalog import engine


@pytest.mark.skipif(os.name != "posix", reason="this way to lock a database is POSIX'")
def test_an_archive_that_makes_its_service_wait_is_told_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a share without a write-ahead log everything goes through, and one warning names the archive (invariant 11)."""
    given = engine._uri
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_uri", lambda path: f"{given(path)}&vfs=unix-dotfile")  # SQLite has no WAL over it
        (station.add("share") / "a.log").write_bytes(b"x")
        with capture_logs() as logs:
            assert station.run().waiting == ()
    (warning,) = [line for line in logs if line["event"] == "archive.waits_for_readers"]
    assert warning["root"] == str(station.archive_root) and warning["log_level"] == "warning"
    assert station.names("share/Done") == ["a.log"]
