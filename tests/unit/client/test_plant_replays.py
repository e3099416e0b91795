"""The replays of all stations, for a program in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plants import FIXED, Plant, plant

from pywats_archive.client.plant.replays import replays_of
from pywats_archive.errors import UsageError
from pywats_archive.models.plant.replay import PlantReplayState


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path, sources=1) as made:
        yield made


@pytest.mark.long
def test_a_program_does_what_the_command_does(two: Plant) -> None:
    """The vault is that of the address or of the configuration; whoever the program names is on record."""
    config = two.root / "plant.json"
    config.write_text(json.dumps({"vault_url": two.vault.url}))
    by_config = replays_of(config=config, actor="a program")
    planned = by_config.plan("ict", converter_file=two.candidate(FIXED))
    assert (planned.actor, planned.entries) == ("a program", 2)
    by_address = replays_of(two.vault.url)
    done = by_address.resume(planned.run, processes=1)
    assert done.result.by_comparison == {"changed": 2}
    assert by_config.show(planned.run).result.by_comparison == {"changed": 2}
    other = by_address.plan("ict")
    assert by_config.cancel(other.run).state is PlantReplayState.CANCELLED
    assert [each.run for each in by_address.list()] == [other.run, planned.run]


def test_without_a_vault(tmp_path: Path) -> None:
    """The error says what to name."""
    config = tmp_path / "config.json"
    config.write_text("{}")
    with pytest.raises(UsageError, match="vault_url"):
        replays_of(config=config)
