"""A folder source of which a part cannot be listed is not archived as if that part were not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import StorageError

FOLDERS = (
    "class Folders(FolderConverter):\n"
    "    name = property(lambda self: 'Folders')\n"
    "    folder_patterns = property(lambda self: ['*'])\n"
    "    def is_folder_ready(self, folder, context):\n"
    "        return True\n"
    "    def convert(self, source, context):\n"
    "        body = {k: v for k, v in report('S1').items() if v is not None}\n"
    "        return ConverterResult.success_result(report=body)\n"
)


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of folders that cannot be listed, as on a disk or share with trouble; tests take them out."""
    names, scandir = ["deep"], os.scandir

    def listed(path: Any = ".") -> Any:
        if not isinstance(path, int) and Path(os.fsdecode(path)).name in names:
            raise PermissionError(13, "Permission denied", os.fsdecode(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    return names


def test_a_folder_that_cannot_be_listed_whole_is_not_archived(tmp_path: Path, unreadable: list[str]) -> None:
    """Archiving fails, and says which part cannot be read (invariant 1)."""
    (tmp_path / "unit" / "deep").mkdir(parents=True)
    (tmp_path / "unit" / "deep" / "precious").write_bytes(b"x")
    with (
        Archive.open(tmp_path / "archive", create=True, own=True) as archive,
        pytest.raises(StorageError, match="Permission denied"),
    ):
        ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "unit", converter_name="c"))


def test_it_waits_and_lets_others_through(station: Station, unreadable: list[str]) -> None:
    """It is seen and waits while others are converted; once it can be read it is archived whole (invariants 11, 12)."""
    station.code(FOLDERS)
    watch = station.add("folders", "own.Folders", converter_type="folder")
    for name, inner in (("bad", "deep"), ("good", "flat")):
        (watch / name / inner).mkdir(parents=True)
        (watch / name / inner / "precious").write_bytes(name.encode())
    with station.serving():
        wait_for(lambda: station.names("folders/Done") == ["good"])
        wait_for(lambda: {a.state.value for a in station.arrivals()} == {"seen", "done"})
        unreadable.clear()
        wait_for(lambda: station.names("folders/Done") == ["bad", "good"])
    assert len(station.entries()) == 2
