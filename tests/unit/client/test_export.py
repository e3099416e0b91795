"""Entries as a zip: complete, named in the manifest, safe to unpack anywhere, and never whole in memory."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.filled import fill

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.client import Client, reader
from pywats_archive.client.export.names import Names, safe
from pywats_archive.errors import UsageError
from pywats_archive.models.query import EntryFilter

FORBIDDEN = set('<>:"|?*\\') | {chr(n) for n in range(32)} | {"\u202e", "\udcff"}


def _unpacked(root: Path, wanted: EntryFilter | None = None) -> tuple[zipfile.ZipFile, list[dict[str, object]]]:
    with Client(root, actor="ann") as client:
        packed = zipfile.ZipFile(io.BytesIO(b"".join(client.export(wanted))))
    assert packed.testzip() is None
    return packed, json.loads(packed.read("manifest.json"))["files"]


def test_a_zip_holds_every_byte_and_says_so(tmp_path: Path) -> None:
    """Sources, companions and reports are those that were archived; 'sha256sum --check' agrees; accesses are on record."""
    contents = fill(tmp_path)
    packed, files = _unpacked(tmp_path / "archive")
    for archive_id, content in contents.items():
        (name,) = (n for n in packed.namelist() if n.startswith(archive_id) and n.endswith(".csv"))
        assert packed.read(name) == content
    kept = [each for each in files if not each["error"]]
    assert {each["file"] for each in kept} == set(packed.namelist()) - {"manifest.json", "SHA256SUMS"}
    assert {each["kind"] for each in kept} == {"source", "companion", "report"}
    for each in kept:
        assert hashlib.sha256(packed.read(str(each["file"]))).hexdigest() == each["sha256"]
        assert len(packed.read(str(each["file"]))) == each["size_bytes"]
    (missing,) = (each for each in files if each["error"])
    assert "was not kept" in str(missing["error"]) and missing["file"] is None
    assert any(name.endswith("/folder.tar") for name in packed.namelist())
    packed.extractall(tmp_path / "out")
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    with Client(tmp_path / "archive") as client:
        history = client.details(next(iter(contents))).events
    assert [(event.kind, event.actor) for event in history][-2:] == [("source.restored", "ann"), ("report.read", "ann")]


def test_a_damaged_source_is_named_and_the_others_are_whole(tmp_path: Path) -> None:
    """What cannot be read ends or is left out, is no checksum that would pass, and stops nothing."""
    damaged, gone = list(fill(tmp_path))
    with Client(tmp_path / "archive") as client:
        places = {each: client.details(each).entry.source_archived_path for each in (damaged, gone)}
    blob = tmp_path / "archive" / places[damaged]
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 0xFF
    blob.chmod(0o600)
    blob.write_bytes(content)
    (tmp_path / "archive" / places[gone]).unlink()
    packed, files = _unpacked(tmp_path / "archive")
    by_id = {each["archive_id"]: each for each in files if each["kind"] == "source"}
    assert by_id[damaged]["error"] and by_id[gone]["error"] and by_id[gone]["file"] is None
    sums = packed.read("SHA256SUMS").decode()
    assert f"{damaged}/SN0.csv" not in sums and f"{gone}/SN1.csv" not in sums and f"{damaged}/SN0.extra" in sums
    assert f"{damaged}/reports/1.json" in sums and f"{gone}/reports/3.json" in sums


def test_only_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter chooses; too many entries are refused before the first byte."""
    first, second = fill(tmp_path)
    _, files = _unpacked(tmp_path / "archive", EntryFilter(archive_ids=(first,)))
    assert {each["archive_id"] for each in files} == {first}
    monkeypatch.setattr(reader, "MOST_CHOSEN", 1)
    with Client(tmp_path / "archive") as client, pytest.raises(UsageError, match="more than 1 entries match"):
        client.export(EntryFilter(archive_ids=(first, second)))


def test_a_large_source_is_never_whole_in_memory(tmp_path: Path) -> None:
    """(invariant 9)"""
    size, path = 100_000_000, tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(size)
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C"))
    with Client(tmp_path / "archive") as client:
        pieces = client.export()
        next(pieces)
        tracemalloc.start()
        longest = max(map(len, pieces))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert longest < 2_000_000 and peak < 10_000_000


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("board.csv", "board.csv"),
        ("stem/é x.txt", "stem/é x.txt"),
        ("../../etc/passwd", "_/_/etc/passwd"),
        ("C:\\Data\\a.csv", "C_/Data/a.csv"),
        ("CON", "_CON"),
        ("nul.csv", "_nul.csv"),
        ("com¹.x.y", "_com¹.x.y"),
        ("console.csv", "console.csv"),
        ("a:b?.csv ", "a_b_.csv"),
        ("dots...", "dots"),
        ("…\u202egpj.exe", "…_gpj.exe"),
        ("", "_"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
    ],
)
def test_names_that_windows_can_make(given: str, name: str) -> None:
    """A name is kept as far as each system can hold it."""
    assert safe(given) == name


@given(st.lists(st.text(max_size=130), max_size=8))
@example(["reports", "REPORTS/1.json", "Reports (2)", "reports/1.json"])
@example(["reports/1.json", "reports"])
def test_any_name_is_safe_and_given_once(wanted: list[str]) -> None:
    """Whatever a source is called, no file leaves its folder, and none replaces another, in any case."""
    names = Names()
    found = [names.free(each) for each in wanted]
    folders = {name.casefold().rpartition("/")[0] for name in found}
    assert not {name.casefold() for name in found} & folders
    assert len({name.casefold() for name in found}) == len(found)
    for name in found:
        parts = name.split("/")
        assert not FORBIDDEN & set(name) and name.encode()
        assert all(part and part not in (".", "..") and not part.endswith((" ", ".")) for part in parts), name
