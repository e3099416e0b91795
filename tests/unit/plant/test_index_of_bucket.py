"""The index of a plant, and files of its stations, from a real server for buckets."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from tests.flaky import FlakyProxy, Trouble
from tests.seaweed import Seaweed
from tests.unit.plant.forging import keys_of
from tests.unit.plant.stations import Made, PlantStation, seen

from pywats_archive import Client
from pywats_archive.client.plant.index import Plant
from pywats_archive.config.vault import VaultSettings
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.plant.indexing import Indexing
from pywats_archive.plant.restoring import restore
from pywats_archive.replication import names
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import Vault

pytestmark = pytest.mark.long
PASSED = Made(status=ConversionStatus.SUCCESS, units=(0,))


def lost(vault: Vault, key: str) -> None:
    """Remove an object, as only an administrator can."""
    assert vault.try_remove(key)


def test_an_index_over_a_bucket(seaweed: Seaweed, tmp_path: Path) -> None:
    """With a damaged network at each third request, a repaired segment, a repaired large file, and a gap in a history."""
    prefix = f"plant/{uuid4()}"
    vault = open_vault(seaweed.settings(tmp_path, prefix, user="admin"))
    marker.create(vault)
    one, gone = PlantStation(tmp_path / "one", vault, "one"), PlantStation(tmp_path / "two", vault, "two")  # type: ignore[arg-type]
    entries: list[ArchiveEntry] = []
    contents: list[bytes] = []
    for number in range(3):
        entries.append(one.aged.add(size=40_000_000 if number == 1 else 100))
        contents.append(b"".join(one.archive.blobs.read(entries[-1].source_archived_path)))
        one.ship(limit_bytes=8_000_000)
        gone.add(PASSED)
        gone.ship()
    uuid = one.archive.description.archive_uuid
    damaged = keys_of(vault, uuid)[0]
    Repairing(one.archive, vault).repair_segment(damaged)
    lost(vault, damaged)
    (large,) = [each.key for each in vault.keys(names.large_folder(uuid))]
    lost(vault, large)
    vault.put_new(names.large_repair_key(uuid, names.sha256_of(large), 1), b"false")
    vault.put_new(large, b"damaged")
    assert Repairing(one.archive, vault).repair_large(entries[1].source_archived_path, names.sha256_of(large))
    lost(vault, keys_of(vault, gone.archive.description.archive_uuid)[1])
    requests = count(1)
    kinds = (Trouble.BUSY, Trouble.ANSWER_LOST, Trouble.LOST)

    def plan(method: str, path: str) -> Trouble | None:
        number = next(requests)
        return kinds[number // 3 % 3] if number % 3 == 0 else None

    with FlakyProxy(seaweed.endpoint, plan) as proxy:
        settings: VaultSettings = seaweed.settings(tmp_path, prefix, endpoint=proxy.address)
        flaky = open_vault(settings, tries_again=True)
        Indexing(tmp_path / "index", flaky).run()
        made = Plant(tmp_path / "index")
        stations = {each.station: each for each in made.stations().stations}
        assert (stations["one"].entries, stations["one"].problems) == (3, ())
        assert stations["two"].entries == 2 and ["is missing" in each for each in stations["two"].problems] == [True]
        for entry, content in zip(entries, contents, strict=True):
            found = made.details(entry.archive_id, station="one").entry
            assert restore(flaky, found, tmp_path / entry.archive_id).read_bytes() == content
    for each in (one, gone):
        each.archive.close()
    with Client([one.archive.root]) as client:
        assert seen(made.entries(PlantFilter(station="one"))) == seen(client.entries())


def test_thousands_of_segments_take_several_pages_of_a_listing(seaweed: Seaweed, tmp_path: Path) -> None:
    """Each page has a thousand keys; the last segment is read, and what is no segment is not."""
    vault = open_vault(seaweed.settings(tmp_path, f"plant/{uuid4()}", user="admin"))
    marker.create(vault)
    one = PlantStation(tmp_path / "one", vault, "one")  # type: ignore[arg-type]
    one.add(PASSED)
    one.ship()
    (first, *_) = keys_of(vault, one.archive.description.archive_uuid)
    for number in range(1050):
        vault.put_new(f"{first}.{number:04}", b"-")
    one.add(PASSED)
    one.ship()
    done = Indexing(tmp_path / "index", vault).run()
    assert (done.segments, len(done.manifest.findings)) == (2, 0)
    one.archive.close()
