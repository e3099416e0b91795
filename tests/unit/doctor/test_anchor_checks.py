"""What ``doctor`` says of the folders for anchors and of the signing key."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.anchored import anchored

from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.doctor.station.anchors import check_folder
from pywats_archive.doctor.station.checks import CheckLevel
from pywats_archive.models.time import utc_now

HOUR = timedelta(hours=1)
OK, WARNING, FAILED = CheckLevel.OK, CheckLevel.WARNING, CheckLevel.FAILED


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


def rated(root: Path, folder: Path, *, same_disk: bool = False) -> list[tuple[CheckLevel, str]]:
    """Return the level and text of each check of a folder, which counts as another disk."""

    def device(path: Path) -> int:
        return 1 if same_disk or path == root else 2

    return [(each.level, each.seen) for each in check_folder(folder, [root], HOUR, device=device)]


def test_a_folder_with_the_newest_anchor_is_sound(root: Path, share: Path) -> None:
    """The time of the newest anchor is named."""
    made = anchored(root, share)
    ((level, seen),) = rated(root, share)
    assert level is OK and f"{made.anchor.at:%Y-%m-%d %H:%M:%S} UTC" in seen


def test_a_folder_without_anchor_or_with_old_ones_is_named(root: Path, share: Path) -> None:
    """Two intervals after the newest anchor, an event without one is late; a station at rest is not."""

    def days_ago() -> datetime:
        return utc_now() - timedelta(days=3)

    anchored(root)
    assert [(level, "no anchor" in seen) for level, seen in rated(root, share)] == [(WARNING, True)]
    anchored(root, share, clock=days_ago)
    with Archive.open(root, own=True) as archive:
        history.record(archive, "user.signed_in", {}, actor="test")
    assert [(level, "newer events" in seen) for level, seen in rated(root, share)] == [(WARNING, True)]


def test_a_folder_on_the_disk_of_the_archive_is_named(root: Path, share: Path) -> None:
    """What is lost with the archive proves nothing."""
    anchored(root, share)
    assert [level for level, _ in rated(root, share, same_disk=True)] == [WARNING, OK]


def test_a_folder_that_is_away_or_closed_fails(root: Path, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named; nothing is written for the check."""
    anchored(root)
    assert rated(root, share / "none")[0] == (FAILED, "is not a folder")
    monkeypatch.setattr(os, "access", lambda *_: False)  # this test may run as root, who may write anywhere
    assert rated(root, share)[0] == (FAILED, "this account cannot write here")
    assert list(share.iterdir()) == []
