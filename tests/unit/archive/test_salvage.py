from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.salvage import salvage_source
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.restore.unpack import extract
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import BlobDamaged, BlobMissing

TEXT = "".join(f"{n};{random.Random(n).random()}\n" for n in range(3000)).encode()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        yield made


def damage(archive: Archive, blob: str, at: float) -> None:
    path = archive.root / blob
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(data)


def test_a_damaged_source_is_refused_and_what_can_be_read_is_salvaged(archive: Archive, tmp_path: Path) -> None:
    """Damaged bytes are never handed out as if they were whole; what lies before the damage comes back when asked for."""
    source, to = tmp_path / "a.csv", tmp_path / "back"
    source.write_bytes(TEXT)
    (tmp_path / "a.extra").write_bytes(b"beside")
    new = ingest.NewSource(path=source, converter_name="c", companion_rules=("{stem}.extra",))
    entry = ingest.archive_source(archive, new)
    damage(archive, entry.source_archived_path, 0.6)
    with pytest.raises(BlobDamaged):
        restore_source(archive, entry.archive_id, to)
    assert not to.exists() or list(to.iterdir()) == []
    salvaged = salvage_source(archive, entry.archive_id, to, actor="a person")
    assert salvaged.path.name == "a.csv.damaged"
    assert str(entry.source_archived_path) in (salvaged.damage or "")
    beginning = salvaged.path.read_bytes()
    same = next(n for n in range(len(TEXT) + 1) if beginning[: n + 1] != TEXT[: n + 1] or n == len(TEXT))
    assert same > len(TEXT) // 3
    assert (to / "a.csv.companions.damaged" / "a.extra").read_bytes() == b"beside"
    restored = [e for e in archive.details(entry.archive_id).events if e.kind == "source.restored"]
    assert [e.details["damage"] for e in restored] == [salvaged.damage]


def test_a_damaged_companion_gives_no_half_restored_source(archive: Archive, tmp_path: Path) -> None:
    """A source whose companions are damaged is refused before anything is written."""
    source, to = tmp_path / "a.csv", tmp_path / "back"
    source.write_bytes(TEXT)
    (tmp_path / "a.extra").write_bytes(TEXT)
    new = ingest.NewSource(path=source, converter_name="c", companion_rules=("{stem}.extra",))
    entry = ingest.archive_source(archive, new)
    damage(archive, entry.companions[0].archived_path, 0.6)
    with pytest.raises(BlobDamaged):
        restore_source(archive, entry.archive_id, to)
    assert not to.exists()


def test_of_a_damaged_folder_the_whole_files_come_back(archive: Archive, tmp_path: Path) -> None:
    """Files of a folder that lie before the damage are what they were, and none is cut off."""
    source, to = tmp_path / "folder", tmp_path / "back"
    source.mkdir()
    for number in range(20):
        (source / f"{number:02d}.csv").write_bytes(TEXT[number * 3000 :][: 5000 + number])
    entry = ingest.archive_source(archive, ingest.NewSource(path=source, converter_name="c"))
    damage(archive, entry.source_archived_path, 0.5)
    with pytest.raises(BlobDamaged):
        restore_source(archive, entry.archive_id, to)
    salvaged = salvage_source(archive, entry.archive_id, to)
    assert salvaged.path.name == "folder.damaged"
    files = sorted(path.name for path in salvaged.path.iterdir())
    assert len(files) >= 3
    assert all((salvaged.path / name).read_bytes() == (source / name).read_bytes() for name in files[:3])
    assert all((salvaged.path / name).stat().st_size == (source / name).stat().st_size for name in files)


@pytest.mark.parametrize("headers", [{"mtime": "17a5.3"}, {"path": "b\0.csv"}])
def test_a_member_whose_header_makes_no_file_is_damage(tmp_path: Path, headers: dict[str, str]) -> None:
    """A time that is none, or a name that none can be, is damage like any other; what lies before it comes back."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, more in (("a.csv", {}), ("b.csv", headers)):
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = 1, more
            tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(BlobDamaged):
        extract(iter([packed.getvalue()]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_sound_source_is_restored_as_ever(archive: Archive, tmp_path: Path) -> None:
    """Salvaging what is sound is restoring it; what is missing stays missing."""
    source = tmp_path / "a.csv"
    source.write_bytes(TEXT)
    entry = ingest.archive_source(archive, ingest.NewSource(path=source, converter_name="c"))
    salvaged = salvage_source(archive, entry.archive_id, tmp_path / "back")
    assert (salvaged.path.name, salvaged.damage) == ("a.csv", None)
    (archive.root / entry.source_archived_path).unlink()
    with pytest.raises(BlobMissing):
        salvage_source(archive, entry.archive_id, tmp_path / "back")
