"""Encrypted archives: their files are, and their rows are not."""

from __future__ import annotations

from pathlib import Path

from tests.aged import Aged
from tests.encrypted import encrypted, without_key
from tests.unit.plant.stations import indexed

from pywats_archive.archive.core import Archive
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault


class AgedEncrypted(Aged):
    """An archive with keys beside it."""

    def open(self) -> Archive:
        if not (self.base / "archive").exists():
            encrypted(self.base)
        self.archive = Archive.open(self.base / "archive", own=True, keys=self.base, clock=lambda: self.now)
        return self.archive


def test_the_index_has_their_rows_and_a_key_restores_their_files(vault: FolderVault, tmp_path: Path) -> None:
    """Without the key nothing is written; the segments have no file in clear."""
    (tmp_path / "station").mkdir()
    aged = AgedEncrypted(tmp_path / "station")
    entry = aged.add(companion=True)
    content = b"".join(aged.archive.blobs.read(entry.source_archived_path))
    for _ in Shipping(aged.archive, vault, limit_bytes=100_000, station="a").ship_all():
        pass
    aged.archive.close()
    made = indexed(tmp_path / "index", vault)
    (found,) = made.entries(PlantFilter(serial_number="SN1"))
    assert found.member.endswith(".gz.age") and found.companions == 1
    assert not any(content[:64] in path.read_bytes() for path in Path(vault.url).rglob("*") if path.is_file())
    config = tmp_path / "station" / "config.json"
    config.write_text("{}")
    with without_key(tmp_path / "station"):
        (refused,) = made.restore([entry.archive_id], tmp_path / "none", config=config)
    assert refused.path is None and "key" in str(refused.error)
    assert not list((tmp_path / "none").rglob("*"))
    (back,) = made.restore([entry.archive_id], tmp_path / "back", config=config)
    assert back.path and back.path.read_bytes() == content, back.error
    assert (back.path.parent / "SN1.extra").read_bytes() == b"beside"
