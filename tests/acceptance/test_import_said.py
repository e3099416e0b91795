"""What an import says of the policy, and of what is not its own."""

from __future__ import annotations

import json

import pytest
from tests.command import command
from tests.done import put
from tests.station import Station

from pywats_archive import Client
from pywats_archive.errors import NeedsConfirmation
from pywats_archive.models.retention.policy import RetentionPolicy


def preview(station: Station, *more: str) -> str:
    config = station.write_config()
    said = command(
        "import", "--done", station.root / "Done", "--converter", "ICT", "--config", config, "--preview", *more
    )
    assert said.returncode == 0, said.stderr
    return " ".join(said.stdout.split())


def test_a_policy_that_is_off_keeps_everything(station: Station) -> None:
    """No number of days is promised, neither in words nor in JSON."""
    station.add("ICT")
    put(station.root / "Done" / "a.csv", b"a")
    with Client.from_config(station.write_config()) as client:
        client.import_done(station.root / "Done", "ICT")
        client.retention.set_policy(RetentionPolicy(converter_name="ICT", enabled=False), confirmed=True)
    put(station.root / "Done" / "b.csv", b"b")
    said = preview(station)
    assert "the policy keeps everything: none is purged" in said and "90" not in said
    assert json.loads(preview(station, "--json"))["retention_days"] is None


def test_one_is_said_as_one(station: Station) -> None:
    """One old source, one day, and one entry that would be purged."""
    station.add("ICT", retention_days=1, failed_retention_days=1, max_archive_size_gb=0.000001)
    put(station.root / "Done" / "a.csv", b"a")
    said = preview(station)
    assert "kept 1 day from today; 1 is older than that already, and is imported too" in said
    assert "about 1 entry would be purged at once" in said
    expected = pytest.raises(NeedsConfirmation, match="about 1 entry would be purged at once")
    with Client.from_config(station.root / "config.json") as client, expected:
        client.import_done(station.root / "Done", "ICT")


def test_what_the_service_archives_later_is_no_problem(station: Station) -> None:
    """``Done/not-archived`` is left out without a word; a folder of that name elsewhere is named."""
    station.add("ICT")
    put(station.root / "Done" / "a.csv", b"a")
    put(station.root / "Done" / "not-archived" / "b.csv", b"b")
    assert "1 source for 'ICT'" in preview(station)
    put(station.root / "Done" / "2021" / "not-archived" / "c.csv", b"c")
    with Client.from_config(station.root / "config.json") as client:
        (named,) = client.preview_import(station.root / "Done", "ICT").not_imported
    assert named.path == str(station.root / "Done" / "2021" / "not-archived")
