"""The error of a source that could not be archived."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pywats_archive.archive.sources.failure import not_archived


@pytest.mark.parametrize(
    ("filename", "folder"),
    [
        ("root/sources/2026/11/29", "root/sources/2026"),
        ("root/sources/2026/a.csv.gz", "root/sources/2026"),
        ("root", "root"),
        ("watch/a.csv", "root"),
        (None, "root"),
    ],
)
def test_the_folder_at_fault_is_named(tmp_path: Path, filename: str | None, folder: str) -> None:
    """Its rights or its disk are what has to be mended, and they may differ from those of the archive's folder."""
    (tmp_path / "root" / "sources" / "2026").mkdir(parents=True)
    named = os.fspath(tmp_path / filename) if filename else None
    error = not_archived(Path("/watch/a.csv"), tmp_path / "root", PermissionError(13, "Permission denied", named))
    assert str(error) == f"{Path('/watch/a.csv')}: cannot be archived in {tmp_path / folder} (Permission denied)"
