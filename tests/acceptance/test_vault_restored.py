"""A station burns, its archive does not: restored from the vault, it is the same archive, and goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.byte_search import found_in
from tests.replayed import fixed
from tests.station import Station, check_sound
from tests.vaulted import blobs, rows

from pywats_archive import Client, ConversionStatus, EntryFilter, ErasureChoice, ReplayRequest
from pywats_archive.archive.core import Archive
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.store import MARKER

_SMALL = 3000


def vault_in(folder: Path) -> FolderVault:
    """Make a vault."""
    vault = FolderVault(folder)
    vault.put_new(MARKER, b"{}")
    return vault


def ship(station: Station, vault: FolderVault, limit_bytes: int = _SMALL) -> int:
    """Ship all that waits, beside whatever owns the archive; gives the number of new segments."""
    with Archive.open(station.archive_root) as archive:
        return sum(each.is_new for each in Shipping(archive, vault, limit_bytes=limit_bytes).ship_all())


def replayed(client: Client) -> None:
    """Replay what failed, and send what comes of it."""
    failed = client.find(EntryFilter(status=ConversionStatus.FAILED)).items
    client.replay([each.archive_id for each in failed], ReplayRequest(submit_to_server=True), processes=1)


@pytest.mark.long
def test_a_station_with_a_long_story_comes_back_whole(tmp_path: Path) -> None:
    """Failures, replays, holds, purges and an erasure: all rows, blobs and events are there again (invariants 6 and 8)."""
    vault = vault_in(tmp_path / "vault")
    with fixed(tmp_path / "station") as station:
        root = station.archive_root
        ship(station, vault)
        with Client.from_config(station.write_config()) as client:
            replayed(client)
            ship(station, vault)
            ids = [each.archive_id for each in client.find(EntryFilter(newest_first=False)).items]
            client.retention.hold(ids[:1], "an audit")
            station.run()
            (purged,) = client.retention.purge_named(ids[4:5], unsubmitted=True)
            assert purged.archives_purged == 1
            ship(station, vault)
            erased = client.find(EntryFilter(newest_first=False)).items[5]
            assert client.erase(ErasureChoice(archive_ids=(erased.archive_id,)), reason="request 7").entries == 1
        station.run()
        assert ship(station, vault) > 0
        sent = dict(station.server.received)
        before, contents = rows(root), blobs(root)
        shutil.rmtree(root)

        done = restore(vault, root, actor="os:anna")
        assert (done.problems, done.entries) == ((), 7)
        after = rows(root)
        assert after["events"][: len(before["events"])] == before["events"]
        assert {name: after[name] for name in before if name != "events"} == {
            name: each for name, each in before.items() if name != "events"
        }
        assert blobs(root) == contents
        assert found_in(root, [Path(erased.source_original_path).name]) == []
        check_sound(root)

        (station.root / "ict" / "watch" / "SN900.log").write_text("x 900")
        station.run()
        assert set(station.server.received) - set(sent) and all(
            station.server.received[each] == bodies for each, bodies in sent.items()
        )
        assert ship(station, vault, 8_000_000) == 1
        check_sound(root)


def test_a_restored_state_of_an_earlier_day_is_sound(tmp_path: Path) -> None:
    """With a date, the archive is that of the last segment that ended by then."""
    vault = vault_in(tmp_path / "vault")
    with Station(tmp_path / "station") as station:
        watch = station.add("ict")
        (watch / "SN1.log").write_text("x 1")
        station.run()
        ship(station, vault, 8_000_000)
        with station.archive() as archive:
            until = archive.now()
        (watch / "SN2.log").write_text("x 2")
        station.run()
        ship(station, vault, 8_000_000)
    assert restore(vault, tmp_path / "now", actor="a").entries == 2
    done = restore(vault, tmp_path / "then", actor="a", until=until)
    assert (done.entries, done.problems) == (1, ())
    check_sound(tmp_path / "then")


def test_a_station_that_died_while_catching_up_comes_back_sound(tmp_path: Path) -> None:
    """Rows that are newer than the last event in the vault are bound again, and what has no segment is left out."""
    vault = vault_in(tmp_path / "vault")
    with fixed(tmp_path / "station") as station:
        with Client.from_config(station.write_config()) as client:
            replayed(client)
        for number in range(1, 60):
            with Archive.open(station.archive_root) as archive:
                if Shipping(archive, vault, limit_bytes=_SMALL).step() is None:
                    break
            target = tmp_path / f"again{number}"
            assert restore(vault, target, actor="a").problems == ()
            check_sound(target)
        assert number > 5
