"""What a replay over all stations found is applied by each station, to its own entries and with the same code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.plants import FIXED, Plant, plant
from tests.station import CONVERTER, Station

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.reprocessing.runner import carry_out

FIX = FIXED.removeprefix(CONVERTER)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path, sources=3) as made:
        for station in made.stations.values():
            station.keys["vault_url"] = made.vault.url
        yield made


def apply(station: Station, run: str, *options: str) -> Any:
    return command("reprocess", "start", "--from-plan", run, *options, "--config", station.write_config())


def install(station: Station, code: str) -> None:
    """Make a file the station's converter."""
    station.code(code)
    station.sections[0]["module_path"] = "own.Fixed"


def shown(station: Station) -> list[tuple[str, str | None]]:
    """Give each entry's serial number, and the fingerprint of the code that converted it last."""
    with station.archive() as archive:
        every = (archive.details(entry.archive_id) for entry in station.entries())
        return sorted((str(each.entry.serial_number), each.conversions[-1].code_fingerprint) for each in every)


@pytest.mark.long
def test_a_station_applies_its_own_part_with_the_code_that_was_tried(two: Plant) -> None:
    """First as a dry run with the code in the vault; recorded only once that code is the station's converter."""
    done = two.replays.start("ict", converter_file=two.candidate(FIXED), processes=1)
    run, tried = done.replay.run, done.replay.code.fingerprint
    (two.root / "candidate.py").unlink()
    first, second = two.stations["fct-1"], two.stations["fct-2"]
    before = shown(first), shown(second)
    unasked = apply(first, run, "--dry-run")
    assert (
        unasked.returncode == 2 and f"Run the code {tried} from the vault, which engineer planned on" in unasked.stderr
    )
    compared = apply(first, run, "--dry-run", "--yes")
    assert compared.returncode == 0, compared.stderr
    assert "3 of 3: /limit 5.5 → 5.0" in compared.stdout
    assert f"what the replay {run} of all stations tried" in " ".join(compared.stdout.split())
    assert f"reprocess start --from-plan {run}" in compared.stdout
    refused = apply(first, run, "--yes")
    assert refused.returncode == 2
    assert f"the plan tried {tried}; make that the station's converter first" in refused.stderr
    assert (shown(first), shown(second)) == before
    install(first, FIX)
    recorded = apply(first, run, "--yes", "--json")
    assert recorded.returncode == 0, recorded.stderr
    assert json.loads(recorded.stdout)["by_comparison"] == {"changed": 3}
    assert shown(first) == [(serial, tried) for serial, _ in before[0]]
    assert shown(second) == before[1]


@pytest.mark.long
def test_what_a_plan_does_not_have_is_refused(two: Plant) -> None:
    """A replay that is not there, not finished, or of other archives; and another choice of entries or code beside it."""
    station, candidate = two.stations["fct-1"], two.candidate(FIXED)
    for name in ("20260131-080000-a3f2d9", "../x"):
        unknown = apply(station, name, "--dry-run")
        assert unknown.returncode == 2 and "plant replay list" in unknown.stderr
    run = two.replays.plan("ict", converter_file=candidate).run
    unfinished = apply(station, run, "--dry-run")
    assert unfinished.returncode == 2 and f"'plant replay resume {run}'" in unfinished.stderr
    for options in (("--all",), ("--converter-file", candidate, "--dry-run"), ("--original-converter",)):
        both = apply(station, run, *options)
        assert both.returncode == 2 and "use" in both.stderr, both.stderr
    entry = two.stations["fct-2"].entries()[-1]
    other = two.replays.start("ict", from_date=entry.created_at, converter_file=candidate, processes=1).replay.run
    foreign = apply(station, other, "--dry-run")
    assert foreign.returncode == 2 and "has no source of the archive" in foreign.stderr
    assert runs_of(station) == 0


@pytest.mark.long
def test_code_that_was_altered_in_the_vault_is_not_run_at_a_station(two: Plant) -> None:
    """Only the code whose fingerprint the plan names is tried."""
    run = two.replays.start("ict", converter_file=two.candidate(FIXED), processes=1).replay.run
    proof = two.root / "ran"
    other = two.replays.plan("ict", converter_file=two.candidate(FIXED + f"\nopen({str(proof)!r}, 'a').write('x')\n"))
    proof.unlink()
    folder = two.root / "vault" / "replays"
    (code,) = (folder / run / "code").iterdir()
    (forged,) = (folder / other.run / "code").iterdir()
    code.chmod(0o600)
    code.write_bytes(forged.read_bytes())
    ended = apply(two.stations["fct-1"], run, "--dry-run", "--yes")
    assert ended.returncode != 0 and "it was altered, and is not run" in ended.stderr
    assert not proof.exists() and runs_of(two.stations["fct-1"]) == 0


@pytest.mark.long
def test_a_run_goes_on_only_with_the_code_of_its_plan(two: Plant) -> None:
    """A converter that was edited since a run was planned stops the run; one that is edited during the run records nothing."""
    station = two.stations["fct-1"]
    install(station, FIX)
    config = station.write_config()
    tried = two.replays.plan("ict", converter_file=two.candidate(FIXED)).code.fingerprint
    ids = [entry.archive_id for entry in station.entries()]
    before = shown(station)
    with Client.from_config(config) as client:
        run = client.reprocessing().plan(ids, ReplayRequest(only_code=tried))
    station.code(FIX.replace("5.0", "4.0"))
    with Client.from_config(config) as client, pytest.raises(UsageError, match="make that the station's converter"):
        client.reprocessing().resume(run)
    with Archive.open(station.archive_root) as archive, runs.reprocessing(archive):
        done = carry_out(archive, read_station_config(config), run, actor="engineer", processes=1)
    assert (done.skipped, done.processed) == (3, 0) and f"the plan tried {tried}" in min(done.skipped_because)
    assert shown(station) == before


def runs_of(station: Station) -> int:
    """Count the runs on record."""
    with station.archive() as archive:
        return len(runs.latest(archive, 10))
