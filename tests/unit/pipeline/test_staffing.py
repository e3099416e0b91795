"""Opening what a configuration needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station

from pywats_archive.catalog import engine
from pywats_archive.models.time import utc_now
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool


@pytest.mark.skipif(os.name != "posix", reason="this way to lock a database is POSIX'")
def test_an_archive_that_makes_its_service_wait_is_told_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a share without a write-ahead log everything goes through, and one warning names the archive (invariant 11)."""
    given = engine._uri
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_uri", lambda path: f"{given(path)}&vfs=unix-dotfile")  # SQLite has no WAL over it
        (station.add("share") / "a.log").write_bytes(b"x")
        waiting: tuple[str, ...] = ("database is locked",)
        while waiting:  # a disk that delays a commit by 30 s leaves the source to the next run
            assert all("database is locked" in line for line in waiting)
            with capture_logs() as logs:
                waiting = station.run().waiting
    (warning,) = [line for line in logs if line["event"] == "archive.waits_for_readers"]
    assert warning["root"] == str(station.archive_root) and warning["log_level"] == "warning"
    assert station.names("share/Done") == ["a.log"]


def test_the_open_archives_can_be_listed_while_one_is_closed_and_another_opened(tmp_path: Path) -> None:
    """Other threads list the archives while the service's own one attaches and detaches them (invariant 4)."""
    pool = ArchivePool(tmp_path / "config.json", Alerts(lambda: (), clock=utc_now), clock=utc_now)

    class Closing(ArchiveMount):
        """One that another thread closes, and makes a further mount, as soon as somebody has looked at it."""

        _archive: Any = None

        @property
        def archive(self) -> Any:
            pool.mount(tmp_path / "further")
            archive, self._archive = self._archive, None
            return archive

        @archive.setter
        def archive(self, archive: Any) -> None:
            self._archive = archive

    mount, archive = Closing(tmp_path), object()
    mount.archive, pool._mounts[tmp_path] = archive, mount
    assert pool.archives == (archive,)
    assert not pool.archives
