"""The folder of an index: whose it is, who may read it, what is in its way, and what happens when it is damaged."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.plant.stations import Made, PlantStation, indexed

from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import NewerFormat, StorageError, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.plant import searching
from pywats_archive.plant.indexing import Indexing
from pywats_archive.vault.folder import FolderVault

PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))
EVERYTHING = PlantFilter()
Stations = Callable[[str], PlantStation]


@pytest.fixture
def one(station: Stations) -> PlantStation:
    """A station that shipped an entry."""
    made = station("a")
    made.add(PASSED)
    made.ship()
    return made


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_file_of_anybody_else_is_removed(one: PlantStation, vault: FolderVault, tmp_path: Path) -> None:
    """A folder with other files is refused; what appears later in that of an index stays."""
    folder = tmp_path / "mine"
    (folder / "work").mkdir(parents=True)
    (folder / "work" / "thesis.txt").write_text("years")
    (folder / "today").mkdir()
    (folder / "today" / "list.parquet").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"has other files \('notes.txt'\)"):
        indexed(folder, vault)
    assert not (folder / ".lock").exists()
    (folder / "notes.txt").unlink()
    (folder / "today" / "@eaDir").mkdir()
    left = folder / "work" / "entries.jsonl"
    left.write_text("of a process that was killed")
    made = indexed(folder, vault)
    assert made.find(EVERYTHING).total == 1
    assert (folder / "work" / "thesis.txt").exists() and (folder / "today" / "list.parquet").exists()
    assert not left.exists()


@pytest.mark.posix("rights are bits")
def test_an_index_is_for_its_account_and_for_those_whom_its_folder_lets_in(
    one: PlantStation, vault: FolderVault, tmp_path: Path
) -> None:
    """As the archives: 0700 and 0600; for more, an administrator changes the folder, and each new file follows."""
    folder = tmp_path / "index"
    indexed(folder, vault)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files_in(folder) if path.name != ".lock"}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir()) if path.is_dir()} == {0o700}
    folder.chmod(0o750)
    one.add(PASSED)
    one.ship()
    indexed(folder, vault)
    assert stat.S_IMODE((folder / "index.json").stat().st_mode) == 0o640
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_dir()} == {0o750}
    newest = max((folder / "today").iterdir())
    assert stat.S_IMODE(newest.stat().st_mode) == 0o640


@pytest.mark.posix("Windows has no such names")
def test_the_path_of_an_index_is_only_a_path(one: PlantStation, vault: FolderVault, tmp_path: Path) -> None:
    """DuckDB takes paths for patterns, and folders called a=b for columns: each index has its own entries alone."""
    for number, name in enumerate(("plain", "pl?in", "[p]lain", "it's;--", "status=PENDING")):
        one.add(PASSED)
        one.ship()
        made = indexed(tmp_path / "of" / name / "index", vault)
        entries = made.entries(EVERYTHING)
        assert {each.conversion_status for each in entries} == {ConversionStatus.SUCCESS}, name
        assert len(entries) == number + 2, name


@pytest.mark.parametrize("written", ["", "{", "[]", "null", '{"format_version": "x"}', "{}", '{"format_version": 1}'])
def test_a_damaged_manifest_says_what_to_do(
    one: PlantStation, vault: FolderVault, tmp_path: Path, written: str
) -> None:
    """Nothing is removed or written meanwhile."""
    folder = tmp_path / "index"
    indexed(folder, vault)
    (folder / "index.json").write_text(written)
    before = {path: path.read_bytes() for path in files_in(folder)}
    for ask in (lambda: Plant(folder).find(EVERYTHING), lambda: indexed(folder, vault)):
        with pytest.raises(
            StorageError, match=r"is damaged; remove .* and make the index again with 'pywats-archive plant"
        ):
            ask()
    assert {path: path.read_bytes() for path in files_in(folder)} == before


def test_an_index_of_another_format_is_refused(one: PlantStation, vault: FolderVault, tmp_path: Path) -> None:
    """A newer one, whatever it is like, needs a newer program; an older one is made again."""
    folder = tmp_path / "index"
    indexed(folder, vault)
    (folder / "index.json").write_text(json.dumps({"format_version": 99, "files": "elsewhere"}))
    with pytest.raises(NewerFormat, match="format 99 is newer"):
        Plant(folder).find(EVERYTHING)
    (folder / "index.json").write_text(json.dumps({"format_version": 0}))
    with pytest.raises(StorageError, match=r"format 0 is older .* make the index again"):
        indexed(folder, vault)


def test_a_damaged_file_is_named_before_it_answers(one: PlantStation, vault: FolderVault, tmp_path: Path) -> None:
    """One that is missing or cut at once; one with a wrong bit at the first run of a day, and before it is merged."""
    folder = tmp_path / "index"
    day = one.aged.now
    made = indexed(folder, vault, clock=lambda: day)
    path = next((folder / "today").glob("*.entries.parquet"))
    sound = path.read_bytes()
    for broken in (sound[:-1], b"", None):
        if broken is None:
            path.unlink()
        else:
            path.write_bytes(broken)
        with pytest.raises(StorageError, match=r"entries\.parquet: .*make the index again"):
            made.find(EVERYTHING)
    path.write_bytes(sound[:100] + bytes([sound[100] ^ 1]) + sound[101:])
    with pytest.raises(StorageError, match=r"entries\.parquet: is damaged"):
        indexed(folder, vault, clock=lambda: day + timedelta(days=1))
    path.write_bytes(sound)
    assert indexed(folder, vault, clock=lambda: day + timedelta(days=1)).find(EVERYTHING).total == 1


def test_a_question_goes_on_while_the_files_of_an_index_are_replaced(
    one: PlantStation, vault: FolderVault, tmp_path: Path
) -> None:
    """Its files are removed after it read the manifest; it is asked again, of the new ones."""
    folder = tmp_path / "index"
    indexed(folder, vault, clock=lambda: one.aged.now)
    asked = []

    def question(index: searching.Index) -> int:
        asked.append(index.manifest.updated_at)
        if len(asked) == 1:
            Indexing(folder, vault, clock=lambda: one.aged.now + timedelta(days=1)).run()
            assert not any((folder / "today").iterdir())
        return index.entries

    assert searching.asked(folder, question) == 1
    assert len(asked) == 2
    next((folder / "months").iterdir()).unlink()
    with pytest.raises(StorageError):
        searching.asked(folder, question)
