"""What a load needs: the analysis' figures, and that more never needs less."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.sampling import measure
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.capacity import MEASURED, Load, capacity


def test_the_analysis_example() -> None:
    """Ten converters of 1000 files of 10 KB a day for 90 days are 9 GB, and 1.8 GB compressed five times."""
    load = Load(files_per_day=1000, file_size_bytes=10_000, converters=10, days=90)
    needed = capacity(load, replace(MEASURED, source_ratio=5.0))
    assert (needed.files, needed.uncompressed_bytes, needed.compressed_bytes) == (900_000, 9 * 10**9, 18 * 10**8)
    assert needed.source_disk_bytes == 900_000 * 4096 and needed.catalog_bytes == 900_000 * 4300
    assert needed.total_bytes == needed.source_disk_bytes + needed.report_disk_bytes + needed.catalog_bytes


@given(
    st.floats(1, 1e5),
    st.floats(1, 1e8),
    st.integers(1, 100),
    st.floats(1, 4000),
    st.sampled_from(["files_per_day", "file_size_bytes", "converters", "days"]),
)
def test_more_never_needs_less(files: float, size: float, converters: int, days: float, more: str) -> None:
    """Whatever grows of a load, no part of what it needs shrinks, and the limit it suggests holds it."""
    load = Load(files_per_day=files, file_size_bytes=size, converters=converters, days=days)
    needed, larger = capacity(load), capacity(replace(load, **{more: 2 * getattr(load, more)}))
    for name in ("uncompressed_bytes", "source_disk_bytes", "report_disk_bytes", "catalog_bytes", "total_bytes"):
        assert getattr(larger, name) >= getattr(needed, name)
    blobs = needed.source_disk_bytes + needed.report_disk_bytes
    assert needed.max_size_gb * 1e9 * converters >= blobs


@pytest.mark.parametrize("name", ["files_per_day", "file_size_bytes", "converters", "days"])
def test_nothing_is_no_load(name: str) -> None:
    """A load without files, size, converters or days is refused by name."""
    load = Load(files_per_day=1, file_size_bytes=1, converters=1, days=1)
    with pytest.raises(ValueError, match=name):
        capacity(replace(load, **{name: 0}))


def test_a_sample_is_measured_and_left_alone(tmp_path: Path) -> None:
    """Files that do not compress give a ratio of one, and nothing of them is changed."""
    for number in range(20):
        (tmp_path / f"{number}.log").write_bytes(random.Random(number).randbytes(20_000))
    (tmp_path / "link.log").symlink_to(tmp_path / "0.log")
    ratios, mean = measure(tmp_path, level=6)
    assert 0.95 < ratios.source_ratio < 1.05 and mean == 20_000
    assert len(list(tmp_path.iterdir())) == 21


def test_an_empty_sample_is_told(tmp_path: Path) -> None:
    """A folder without files, or none at all, is one clear error."""
    with pytest.raises(UsageError, match="no file with content"):
        measure(tmp_path, level=6)
    with pytest.raises(UsageError, match="is not a folder"):
        measure(tmp_path / "gone", level=6)
