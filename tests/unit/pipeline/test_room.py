"""When a disk is low, and when it no longer is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pywats_archive.config.free_space import GB, least_free_bytes
from pywats_archive.pipeline.mounts.disk import DiskSpace, is_low

TB = 10**12


@pytest.mark.parametrize(
    ("total", "wishes", "least"),
    [
        (TB, [None], GB),
        (10 * GB, [None], GB // 2),
        (TB, [], GB),
        (TB, [2.5], 2_500_000_000),
        (10 * GB, [2], 2 * GB),
        (TB, [0], 0),
        (TB, [None, 0, 3, 2], 3 * GB),
        (TB, [0.5, None], GB),
    ],
)
def test_what_must_be_free(total: int, wishes: list[float | None], least: int) -> None:
    """The default is 1 GB or 5 % of a smaller disk; of converters that share an archive the largest wish counts."""
    assert least_free_bytes(total, wishes) == least


@pytest.mark.parametrize(
    ("free", "was_low", "low"), [(99, False, True), (100, False, False), (109, True, True), (110, True, False)]
)
def test_low_ends_later_than_it_begins(free: int, was_low: bool, low: bool) -> None:
    """A disk that was low must have a tenth more before it is called well, so that it does not flap."""
    assert is_low(free, 100, was_low=was_low) is low


def test_no_wish_means_never_low() -> None:
    """With ``min_free_gb`` 0 a disk is not low before it is full."""
    assert not is_low(0, 0, was_low=False)


def test_a_disk_is_asked_once_a_second() -> None:
    """However many sources ask, the disk is measured once a second; the error says how much must be free."""
    asked, now, disk = [], [0.0], SimpleNamespace(total=TB, free=GB - 1)

    def usage(root: Path) -> SimpleNamespace:
        asked.append(root)
        return disk

    room = DiskSpace(Path("/archive"), usage=usage, seconds=lambda: now[0])
    for _ in range(1_000):
        assert room.trouble()
    assert len(asked) == 1 and "until 1.100 GB are free" in str(room.trouble())
    disk.free, now[0] = GB + 1, 1.0
    assert room.trouble() is not None
    disk.free, now[0] = 2 * GB, 2.0
    assert room.trouble() is None and len(asked) == 3


def test_a_disk_that_cannot_be_asked_is_not_low() -> None:
    """A disk that cannot be measured is reported by the check whether the archive is available."""

    def usage(root: Path) -> SimpleNamespace:
        raise FileNotFoundError(2, "gone")

    assert DiskSpace(Path("/archive"), usage=usage).trouble() is None
