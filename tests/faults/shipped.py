"""Shipping into a vault that is a folder: each event once, in order, with its rows and files."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.catalog import events
from pywats_archive.models.query import EntryFilter
from pywats_archive.replication.fetching import segment_keys, whole_segment
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.replication.verifying import Verifying
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER
from tests.faults.acts import take_two
from tests.faults.place import Place
from tests.vaulted import blobs

_SMALL, _SMALLEST = 3000, 1000
"""Bytes of a segment, so that there are several; and so that some blobs are objects of their own."""


_EACH, _CALLS = 8, itertools.count()
"""How often the vault is made an archive again, which takes most of the time."""


def take_two_beside_a_vault(archive: Archive, place: Place) -> None:
    """Archive a file and a folder, and make the vault."""
    take_two(archive, place)
    FolderVault(place.folder / "vault").put_new(MARKER, b"{}")


def ship_it(archive: Archive, place: Place) -> None:
    """Ship all that waits, and let the vault confirm it; the vault's steps fail as those of the archive do."""
    on_step = archive.blobs.files._on_step
    vault = FolderVault(place.folder / "vault", on_step=on_step)
    shipping = Shipping(archive, vault, limit_bytes=_SMALL, station="here", on_step=on_step)
    for _ in shipping.ship_all():
        pass
    if progress.is_confirmation_due(archive):
        shipping.confirm()


def expect_shipped(archive: Archive, place: Place) -> None:
    """The vault has every event once, in order, under the number of its segment; an archive made of it has every source."""
    vault = FolderVault(place.folder / "vault")
    chain = progress.chain_of(archive)
    assert chain
    keys = list(segment_keys(vault, archive.description.archive_uuid, chain))
    assert len(keys) > 2
    expected, shipped = 1, list[str]()
    for key in keys:
        segment = whole_segment(vault, key)
        numbers = [line["row"]["sequence"] for line in map(json.loads, segment.rows()) if line["table"] == "events"]
        assert numbers == list(range(expected, segment.description.last + 1)), (key, numbers)
        expected = segment.description.last + 1
        shipped += [*segment.files, *segment.description.large]
    blobs = [path for top in ("sources", "reports") for path in archive.blobs.paths(top)]
    assert sorted(path for path in shipped if path.endswith(".gz")) == sorted(blobs)
    with archive.read() as db:
        newest = events.last(db)
    lag = progress.lag(archive, vault.url)
    assert newest and lag.last == newest.sequence == expected - 1, lag
    if next(_CALLS) % _EACH:
        return
    with tempfile.TemporaryDirectory() as folder:
        done = restore(vault, Path(folder, "again"), actor="test")
        assert not done.problems and not done.absent, done
        with Archive.open(Path(folder, "again")) as again:
            for entry in archive.find(EntryFilter()).items:
                assert again.entry(entry.archive_id) == entry
                restore_source(again, entry.archive_id, Path(folder))


def damage_what_was_shipped(archive: Archive, place: Place) -> None:
    """Ship two sources, damage a segment with files and a large blob in the vault, and note that as a check does."""
    take_two_beside_a_vault(archive, place)
    vault = FolderVault(place.folder / "vault")
    for _ in Shipping(archive, vault, limit_bytes=_SMALLEST, station="here").ship_all():
        pass
    segments = [
        path for path in sorted(place.folder.rglob("segments/*.zip")) if whole_segment(vault, _key(path, place)).files
    ]
    for path in (segments[-1], next(place.folder.rglob("vault/*/blobs/*.gz"))):
        content = bytearray(path.read_bytes())
        content[len(content) // 4] ^= 1
        path.chmod(0o600)
        path.write_bytes(bytes(content))
        damage.note(archive, vault.url, _key(path, place), None)


def repair_it(archive: Archive, place: Place) -> None:
    """Store again what is noted as damaged; the vault's steps fail as those of the archive do."""
    on_step = archive.blobs.files._on_step
    vault = FolderVault(place.folder / "vault", on_step=on_step)
    for _ in Repairing(archive, vault, limit_bytes=_SMALLEST, on_step=on_step).repair_noted():
        pass


def expect_repaired(archive: Archive, place: Place) -> None:
    """Each damaged object has one repair, nothing was replaced, and an archive made of the vault has every blob."""
    vault = FolderVault(place.folder / "vault")
    found = list(Verifying(archive, vault).segments())
    assert [problem for each in found for problem in each.problems] == []
    repairs = sorted(_key(path, place) for path in place.folder.rglob("repair/[!.]*"))
    assert len([line for each in found for line in each.repaired]) == len(repairs) == 2, repairs
    known = damage.known(archive, vault.url)
    assert sorted(each.key for each in known.values() if each) == repairs and len(known) == 2, known
    if next(_CALLS) % _EACH:
        return
    with tempfile.TemporaryDirectory() as folder:
        done = restore(vault, Path(folder, "again"), actor="test")
        assert not done.problems and not done.absent and len(done.remarks) == 2, done
        assert blobs(Path(folder, "again")) == blobs(archive.root)


def _key(path: Path, place: Place) -> str:
    return path.relative_to(place.folder / "vault").as_posix()
