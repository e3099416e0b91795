"""A converter is tried on the sources of all stations that a vault has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.command import command
from tests.plants import FIXED, TURNING, Plant, plant

from pywats_archive.client import Client
from pywats_archive.errors import UnknownRun, UsageError
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.plant.replay import PlantReplayState
from pywats_archive.models.retention.erasure import ErasureChoice
from pywats_archive.plant.replaying.engines.scheduler import Scheduler

FAULTY = FIXED.replace(
    "        found = report",
    """        stem = source.path.stem
        if stem.endswith("1"):
            time.sleep(1000)
        if stem.endswith("2"):
            import ctypes; ctypes.string_at(0)
        if stem.endswith("3"):
            b"x" * 2_000_000_000
        if stem.endswith("4"):
            os._exit(0)
        found = report""",
)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as made:
        yield made


@pytest.mark.long
def test_it_finds_what_each_station_finds_itself(two: Plant) -> None:
    """The changes, comparisons and verdicts are those of ``reprocess --dry-run`` at each station, added up (invariant 14)."""
    candidate = two.candidate(TURNING)
    done = two.replays.start("ict", converter_file=candidate, processes=1)
    changes, comparisons, verdicts = (
        Counter[tuple[str, object, object]](),
        Counter[str](),
        set[tuple[str, str, str, str]](),
    )
    for name, station in two.stations.items():
        with Client.from_config(station.write_config()) as client:
            ids = [entry.archive_id for entry in station.entries()]
            own = client.replay(ids, ReplayRequest(dry_run=True, converter_file=candidate), processes=1)
        changes.update({(each.path, each.old, each.new): each.entries for each in own.changes})
        comparisons.update(own.by_comparison)
        verdicts |= {(name, *each) for each in own.verdict_changes}
    assert {(each.path, each.old, each.new): each.entries for each in done.result.changes} == changes
    assert done.result.by_comparison == comparisons == {"changed": 12}
    found = {(each.station, each.serial_number, each.old_verdict, each.new_verdict) for each in done.verdicts}
    assert found == verdicts == {("fct-1", "SN00003", "P", "F"), ("fct-2", "SN10003", "P", "F")}
    assert [(each.station, each.entries, each.changed, each.verdicts) for each in done.stations] == [
        ("fct-1", 6, 6, 1),
        ("fct-2", 6, 6, 1),
    ]
    assert (done.replay.state, done.replay.entries, done.unread) == (PlantReplayState.DONE, 12, ())
    assert done.replay.segments > 2


@pytest.mark.long
def test_without_a_file_the_code_on_record_converts_again(two: Plant) -> None:
    """It comes from the vault, and nothing differs; a range takes in only what was archived then."""
    done = two.replays.start("ict", processes=1)
    assert (done.result.by_comparison, done.result.skipped_because) == ({"same": 12}, {})
    entry = two.stations["fct-1"].entries()[2]
    only = two.replays.start("ict", from_date=entry.created_at, to_date=entry.created_at, processes=1)
    assert (only.replay.entries, only.result.by_comparison) == (1, {"same": 1})
    with pytest.raises(UsageError, match="no source of converter 'ict' in that range"):
        two.replays.plan("ict", to_date=entry.created_at.replace(year=2020))


@pytest.mark.long
def test_each_segment_is_replayed_once(two: Plant) -> None:
    """What has a result is left alone by ``resume``; what has none gets one."""
    replays = two.replays
    run = replays.start("ict", converter_file=two.candidate(FIXED), processes=1).replay.run
    before = two.results(run)
    lost = sorted(before)[1]
    lost.unlink()
    assert replays.show(run).replay.state is PlantReplayState.STARTED
    again = replays.resume(run, processes=1)
    after = two.results(run)
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {lost}
    assert (again.replay.state, again.result.by_comparison) == (PlantReplayState.DONE, {"changed": 12})


@pytest.mark.long
@pytest.mark.posix("a memory limit that the system keeps")
def test_a_converter_that_hangs_crashes_or_eats_memory_fails_its_own_entry(tmp_path: Path) -> None:
    """The others of the same segment have their results."""
    with plant(tmp_path, timeout_seconds=3, memory_limit_mb=600) as made:
        done = made.replays.start("ict", converter_file=made.candidate(FAULTY), processes=1)
    assert done.result.by_comparison == {"newly_failing": 8, "changed": 4}
    errors = Counter(error.partition(" (")[0] for _, error in done.result.errors)
    assert errors["the converter ran longer than 3 s and was ended"] == 2, errors
    assert (
        errors["the converter's process ended by itself"] == 4 and sum("memory limit" in each for each in errors) == 1
    ), errors
    assert done.result.failed == 8 and done.unread == ()


@pytest.mark.long
def test_code_that_was_altered_in_the_vault_is_not_run(two: Plant) -> None:
    """Only the code whose fingerprint the plan names runs; the segments stay without a result."""
    replays = two.replays
    plan = replays.plan("ict", converter_file=two.candidate(FIXED))
    proof = two.root / "ran"
    other = replays.plan("ict", converter_file=two.candidate(FIXED + f"\nopen({str(proof)!r}, 'a').write('x')\n"))
    proof.unlink()
    folder = two.root / "vault" / "replays"
    (code,) = (folder / plan.run / "code").iterdir()
    (forged,) = (folder / other.run / "code").iterdir()
    code.chmod(0o600)
    code.write_bytes(forged.read_bytes())
    done = replays.resume(plan.run, processes=1)
    assert len(done.unread) == plan.segments and all("it was altered, and is not run" in each for each in done.unread)
    assert not proof.exists() and done.replay.done == 0


@pytest.mark.long
def test_what_was_purged_is_replayed_and_what_was_erased_is_not(two: Plant) -> None:
    """The vault keeps the bytes of both; an erased entry is no longer read, and is not counted as replayed."""
    station = two.stations["fct-1"]
    purged, erased = (station.entries()[number] for number in (0, 1))
    with Client.from_config(station.write_config()) as client:
        client.retention.purge_named([purged.archive_id], unsubmitted=True)
        client.erase(ErasureChoice(archive_ids=(erased.archive_id,)), reason="request 7")
    two.ship()
    done = two.replays.start("ict", processes=1)
    assert (done.result.by_comparison, done.result.skipped_because) == ({"same": 11}, {})
    assert done.replay.entries == 11


@pytest.mark.long
def test_a_secret_argument_is_not_guessed(tmp_path: Path) -> None:
    """The vault has its fingerprint alone, so the entry is skipped with that reason (invariant 10)."""
    with plant(tmp_path, sources=1) as made:
        station = made.stations["fct-2"]
        station.sections[0]["arguments"] = {"password": "hunter2"}
        (station.root / "ict" / "watch" / "SN99999.log").write_text("new")
        station.run()
        made.ship()
        done = made.replays.start("ict", processes=1)
        assert done.result.by_comparison == {"same": 2}
        ((reason, number),) = done.result.skipped_because.items()
        assert number == 1 and "'password' is a secret" in reason
        vault = made.root / "vault" / "replays"
        assert not any(b"hunter2" in path.read_bytes() for path in vault.rglob("*") if path.is_file())


@pytest.mark.long
def test_the_verbs(two: Plant) -> None:
    """Started, listed, shown and cancelled; each with the exit code that a script needs."""
    here = ("--vault", two.vault.url)
    candidate = two.candidate(TURNING)
    started = command("plant", "replay", "start", "--converter", "ict", "--converter-file", candidate, *here)
    assert started.returncode == 0, started.stderr
    assert "! fct-2: 1 unit would turn from Passed to Failed: SN10003" in started.stdout
    assert "12 of 12: /limit 5.5 → 5.0" in started.stdout
    (listed,) = json.loads(command("plant", "replay", "list", "--json", *here).stdout)["replays"]
    assert f"plant replay resume {listed['run']}" in started.stderr
    shown = json.loads(command("plant", "replay", "show", listed["run"], "--json", *here).stdout)
    assert (shown["replay"]["state"], len(shown["verdicts"])) == ("done", 2)
    refused = command("plant", "replay", "cancel", listed["run"], *here)
    assert refused.returncode == 2 and "there is nothing to cancel" in refused.stderr
    planned = two.replays.plan("ict")
    assert command("plant", "replay", "cancel", planned.run, *here).returncode == 0
    resumed = command("plant", "replay", "resume", planned.run, *here)
    assert resumed.returncode == 2 and "was cancelled" in resumed.stderr
    assert two.results(planned.run) == {}


def test_a_replay_that_is_not_there(tmp_path: Path) -> None:
    """One line names it; a name is never a path."""
    made = Plant(tmp_path, {})
    for name in ("20260131-080000-a3f2d9", "../x", ""):
        with pytest.raises(UnknownRun, match="plant replay list"):
            made.replays.show(name)


def test_a_scheduler_beyond_this_computer_needs_tls(tmp_path: Path) -> None:
    """Dask runs whatever it is sent, so only certificates or a person's word open it."""
    for address in ("tcp://192.168.1.7:8786", "tcp://plant.example:8786"):
        with pytest.raises(UsageError, match="everybody in the network can run any code"):
            Scheduler(address=address)
        assert Scheduler(address=address, is_unprotected=True).address == address
    assert Scheduler(address="tcp://127.0.0.1:8786").is_local
    with pytest.raises(UsageError, match="--tls-ca-file"):
        Scheduler(address="tls://plant.example:8786")
    complete = Scheduler(address="tls://h:8786", ca_file=tmp_path, certificate=tmp_path, key=tmp_path)
    with pytest.raises(UsageError, match="has no TLS"):
        replace(complete, address="tcp://127.0.0.1:8786")
    for address in ("plant.example", "tcp://h", "tls://h:x", "http://h:1"):
        with pytest.raises(UsageError, match="use tls://HOST:PORT"):
            Scheduler(address=address)
