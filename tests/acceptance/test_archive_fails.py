"""An archive that cannot be used: owned by another service, or failing."""

from __future__ import annotations

import os
import platform
import re
import time

import pytest
from tests.station import Station, block_today, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.errors import ArchiveInUse
from pywats_archive.models.entry import ConversionStatus


def test_a_second_service_is_refused(station: Station) -> None:
    """An archive has one owner; another service is told who that is and changes nothing."""
    watch = station.add("owned")
    with station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        time.sleep(0.2)
        me = rf"another pywats-archive process \({os.getpid()} on {re.escape(platform.node())}, since 20"
        with pytest.raises(ArchiveInUse, match=me):
            Archive.open(station.archive_root, own=True)
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("owned/Done") == ["a.log"])


def test_an_archive_that_fails_holds_the_source(station: Station) -> None:
    """With ``on_archive_error`` hold the source waits where it is, and goes on by itself later (invariant 11)."""
    watch = station.add("held")
    station.run()
    (watch / "a.log").write_bytes(b"x")
    blocked = block_today(station.archive_root)
    left = station.run()
    assert any("a.log" in line for line in left.waiting)
    assert station.names("held/watch") == ["a.log"] and station.server.received == {}
    blocked.unlink()
    assert station.run().waiting == ()
    assert station.names("held/Done") == ["a.log"]


def test_an_archive_that_fails_is_caught_up_with(station: Station) -> None:
    """With ``on_archive_error`` continue the source is converted, kept in Done, and archived later (invariant 11)."""
    watch = station.add("on", on_archive_error="continue", post_action="delete")
    station.run()
    (watch / "a.log").write_bytes(b"precious")
    blocked = block_today(station.archive_root)
    station.run()
    assert len(station.server.received) == 1
    assert [path.name for path in (station.root / "on/Done/not-archived").glob("*/source/*")] == ["a.log"]
    blocked.unlink()
    station.run()
    assert station.names("on/Done") == ["a.log", "not-archived"] and station.names("on/Done/not-archived") == []
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert restored.read_bytes() == b"precious"
    assert station.entry().conversion_status is ConversionStatus.SUCCESS
    assert len(station.server.received) == 1
