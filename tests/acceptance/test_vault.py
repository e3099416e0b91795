"""The vault, from the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station
from tests.terminal import Terminal

from pywats_archive import Client, ErasureChoice, UsageError


def worked(station: Station, share: Path) -> Path:
    """Let a station convert a source, then name a vault; returns its configuration."""
    watch = station.add("good")
    (watch / "SN1.log").write_text("x")
    station.run()
    station.keys["vault_url"] = str(share)
    return station.write_config()


def test_a_folder_becomes_a_vault(station: Station, tmp_path: Path) -> None:
    """``vault init`` creates it once, and prints the rights that the station's own archive needs."""
    station.add("good")
    station.run()
    share = tmp_path / "share"
    config = station.write_config()
    uuid = json.loads((station.archive_root / "archive.json").read_text(encoding="utf-8"))["archive_uuid"]
    first = command("vault", "init", str(share), "--config", config)
    assert (first.returncode, first.stderr) == (0, "")
    assert (
        first.stdout.startswith(f"{share}: is a vault now") and f"files and folders in {share}/{uuid}" in first.stdout
    )
    assert f"\n\nRights that the station with archive {uuid} needs, and no others:\n\n" in first.stdout
    content = (share / "vault.json").read_bytes()
    station.keys["vault_url"] = str(share)
    again = json.loads(command("vault", "init", "--config", station.write_config(), "--json").stdout)
    assert (again["url"], again["is_new"]) == (str(share), False)
    assert [each["archive_uuid"] for each in again["rights"]] == [uuid]
    assert (share / "vault.json").read_bytes() == content


def test_an_archive_is_copied_and_restored_by_the_command(station: Station, tmp_path: Path) -> None:
    """``push`` copies what waits, ``status`` says so, and ``restore`` makes the archive again (invariant 8)."""
    config = worked(station, tmp_path / "share")
    away = command("vault", "push", "--config", config)
    assert (away.returncode, away.stdout) == (1, "") and "vault init" in away.stderr
    assert command("vault", "init", "--config", config).returncode == 0
    (lag,) = json.loads(command("vault", "status", "--config", config, "--json").stdout)["archives"]
    assert (lag["last"], lag["events"], lag["shipped_at"]) == (0, lag["newest"], None) and lag["size_bytes"] > 0
    pushed = json.loads(command("vault", "push", "--config", config, "--json").stdout)["archives"]
    assert [(each["segments"], each["last"], each["absent"]) for each in pushed] == [(1, lag["newest"], {})]
    said = command("vault", "status", "--config", config).stdout
    assert f"copied up to event {lag['newest']} of {lag['newest']}; nothing waits" in said
    checked = command("vault", "verify", "--sample", "50%", "--config", config)
    assert (checked.returncode, checked.stderr) == (0, "") and "0 problems" in checked.stdout
    again = command("vault", "restore", "--to", str(tmp_path / "again"), "--vault", str(tmp_path / "share"))
    assert (again.returncode, again.stderr) == (0, "") and "1 entry" in again.stdout
    assert command("verify", "--archive", str(tmp_path / "again")).returncode == 0
    wrong = command(
        "vault", "restore", "--to", str(tmp_path / "b"), "--vault", str(tmp_path / "share"), "--config", "no.json"
    )
    assert wrong.returncode != 0 and "no.json" in wrong.stderr and not (tmp_path / "b").exists()
    full = command("vault", "restore", "--to", str(tmp_path / "again"), "--config", config)
    assert full.returncode == 2 and "does not exist yet" in full.stderr


def test_a_damaged_segment_is_copied_again_by_the_command(station: Station, tmp_path: Path) -> None:
    """``verify --repair`` copies it again; the check, ``vault restore`` and ``cat`` then read the repair, and say so."""
    config = worked(station, tmp_path / "share")
    assert command("vault", "init", "--config", config).returncode == 0
    assert command("vault", "push", "--config", config).returncode == 0
    (segment,) = (tmp_path / "share").rglob("segments/*.zip")
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.chmod(0o600)
    segment.write_bytes(bytes(content))
    found = command("vault", "verify", "--config", config)
    assert found.returncode == 1 and segment.name in found.stderr and "1 problem" in found.stdout
    repaired = command("vault", "verify", "--repair", "--config", config)
    assert repaired.returncode == 0 and "repair/000000000001-1.zip repairs it" in repaired.stderr
    assert segment.read_bytes() == bytes(content)
    checked = command("vault", "verify", "--config", config, "--json")
    (known,) = json.loads(checked.stdout)["archives"]
    assert (checked.returncode, known["problems"], len(known["repaired"])) == (0, [], 1)
    again = command("vault", "restore", "--to", str(tmp_path / "again"), "--vault", str(tmp_path / "share"))
    assert again.returncode == 0 and "repair/000000000001-1.zip is used, which repairs it" in again.stderr
    assert command("verify", "--archive", str(tmp_path / "again")).returncode == 0
    (blob,) = station.archive_root.glob("sources/*/*/*/*.gz")
    aside = blob.rename(tmp_path / "aside")
    read = command("cat", blob.name.partition(".")[0], "--config", config)
    assert (read.returncode, read.stdout) == (0, "x") and "repair/000000000001-1.zip" in read.stderr
    aside.rename(blob)


def test_a_push_confirms_what_it_copied(station: Station, tmp_path: Path) -> None:
    """With ``vault_required``, and says so; if nothing is new, nothing is asked. A lost segment is named (invariant 13)."""
    worked(station, tmp_path / "share")
    station.keys["vault_required"] = True
    config = station.write_config()
    command("vault", "init", "--config", config)
    first = command("vault", "push", "--config", config)
    (lag,) = json.loads(command("vault", "status", "--config", config, "--json").stdout)["archives"]
    assert first.stdout.endswith(f"copied up to event {lag['last']}, and confirmed up to event {lag['last']}\n")
    assert (lag["confirmed"], lag["expected"], lag["overdue"], lag["events"]) == (lag["last"], lag["last"], False, 1)
    for _ in range(2):
        (again,) = json.loads(command("vault", "push", "--config", config, "--json").stdout)["archives"]
        assert (again["last"], again["confirmed"], again["expected"]) == (lag["newest"], lag["last"], lag["last"])
    with Client.from_config(config) as client:
        client.retention.hold([client.find().items[0].archive_id], "audit")
    next((tmp_path / "share").rglob("segments/000000000001.zip")).unlink()
    lost = command("vault", "push", "--config", config)
    assert lost.returncode == 1 and "the vault confirms only the events up to 0, although" in lost.stderr


def test_a_service_copies_by_itself_until_it_stops(station: Station, tmp_path: Path) -> None:
    """What happened is in the vault when it has stopped; a vault that is away stops nothing (invariant 11)."""
    watch = station.add("good")
    station.keys["vault_url"] = str(tmp_path / "share")
    (watch / "SN1.log").write_text("x")
    assert station.run().ended == {"done": 1}
    with Client.from_config(station.write_config()) as client:
        client.vault.init()
        (watch / "SN2.log").write_text("y")
        station.run()
        (lag,) = client.vault.status().archives
        assert lag.last > 0 and lag.size_bytes == 0
    again = tmp_path / "again"
    with Client([]) as client:
        assert client.vault.restore(again, url=str(tmp_path / "share")).entries == 2


def test_what_was_purged_or_damaged_is_restored_from_the_vault(station: Station, tmp_path: Path) -> None:
    """With its companions and reports, and on record; what was erased is not (invariant 8)."""
    watch = station.add("good", archive_companions=["{stem}.ini"], file_patterns=["*.log"])
    station.keys["vault_url"] = str(tmp_path / "share")
    for name in ("SN1", "SN2", "SN3"):
        (watch / f"{name}.log").write_text(f"log of {name}")
        (watch / f"{name}.ini").write_text(f"limits of {name}")
    with Client.from_config(station.write_config()) as client:
        client.vault.init()
    station.run()
    with Client.from_config(station.write_config()) as client:
        client.vault.push()
        one, two, three = sorted(client.entries(), key=lambda each: each.source_original_path)
        client.retention.purge_named([one.archive_id])
        blob = station.archive_root / two.source_archived_path
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes()[:-9])
        client.erase(ErasureChoice(archive_ids=(three.archive_id,)), reason="request")
        done = client.restore([one.archive_id, two.archive_id, three.archive_id], tmp_path / "out", reports=True)
        assert [each.path is not None for each in done] == [True, True, False], done
        for each, name in zip(done[:2], ("SN1", "SN2"), strict=True):
            assert each.path and each.path.read_text() == f"log of {name}" and len(each.reports) == 1
            assert each.path.with_suffix(".ini").read_text() == f"limits of {name}"
        kinds = [event.kind for event in client.details(one.archive_id).events]
        assert kinds.count("source.restored") == 1
        shutil.rmtree(tmp_path / "share")
        (gone,) = client.restore([one.archive_id], tmp_path / "out")
        assert gone.error and "was purged" in gone.error and "reading it from the vault failed" in gone.error
        blob.unlink()
        client.retention.purge_named([two.archive_id], even_damaged=True)


def test_what_cannot_be_a_vault_is_one_line(station: Station, tmp_path: Path) -> None:
    """With the place, and what to do."""
    station.add("good")
    config = station.write_config()
    for words, says, code in (
        ((), "set vault_url in the configuration", 2),
        (("share",), "vault: vault_url = 'share': write the whole path of a folder", 2),
        ((str(tmp_path / "no" / "share"),), "mount the share", 1),
    ):
        ended = command("vault", "init", *words, "--config", config)
        assert (ended.returncode, ended.stdout) == (code, "")
        assert says in ended.stderr.splitlines()[-1] and "Traceback" not in ended.stderr


def test_a_program_without_a_configuration_names_the_place(tmp_path: Path) -> None:
    """Then the rights are for an archive that does not exist yet."""
    with Client([]) as client:
        made = client.vault.init(str(tmp_path / "share"))
        assert made.is_new and [each.archive_uuid for each in made.rights] == ["ARCHIVE-UUID"]
        with pytest.raises(UsageError, match="set vault_url in the configuration"):
            client.vault.init()


def test_copying_and_restoring_show_their_progress(station: Station, tmp_path: Path) -> None:
    """A bar at a terminal; a program gets how much of what waited is done, over all archives."""
    config = worked(station, tmp_path / "share")
    seen = list[tuple[int, int]]()
    with Client.from_config(config) as client:
        client.vault.init()
        (lag,) = client.vault.status().archives
        client.vault.push(on_progress=lambda *each: seen.append(each))
    assert seen[-1] == (lag.events, lag.events)
    for words, bar in (
        (("push", "--config", config), "copying events"),
        (("restore", "--to", tmp_path / "again", "--config", config), "restoring segments"),
    ):
        with Terminal("vault", *words, environment={"TERM": "xterm"}) as terminal:
            assert terminal.end() == 0
        assert bar in terminal.shown
