"""The service reads its archive back while it runs."""

from __future__ import annotations

import json

from tests.command import command
from tests.station import Station, wait_for

from pywats_archive.archive import figures
from pywats_archive.catalog import events

SECONDS = 1 / 86_400
"""In days."""


def test_a_service_finds_what_rots_and_tells_until_it_is_mended(station: Station) -> None:
    """A blob that changes on disk is found by the scrub, reported by ``stats`` and events, and cleared when repaired."""
    watch = station.add("rot", verify_interval_days=2 * SECONDS)
    (watch / "a.log").write_bytes(b"a" * 1000)
    station.run()
    blob = station.archive_root / station.entry().source_archived_path
    whole = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with station.serving():
        wait_for(lambda: _findings(station) == 1)
        assert json.loads(command("stats", "--archive", station.archive_root, "--json").stdout)["open_findings"] == 1
    with station.serving():
        wait_for(lambda: _alerts(station).count("archive.damaged") == 2)  # again after a restart
        repaired = station.root / "repaired"
        repaired.write_bytes(whole)
        repaired.replace(blob)
        wait_for(lambda: _findings(station) == 0)
        wait_for(lambda: _kinds(station).count("integrity.cleared") == 1)
    entry = station.entry()
    assert entry.verified_at is not None
    assert entry.verified_at > entry.created_at
    assert station.details().reports[0].verified_at is not None
    assert _kinds(station).count("integrity.found") == 1
    assert "integrity.checked" in _kinds(station)


def test_a_scrub_can_be_switched_off(station: Station) -> None:
    """With an interval of 0 nothing is read back."""
    watch = station.add("off", verify_interval_days=0)
    (watch / "a.log").write_bytes(b"a" * 1000)
    with station.serving():
        wait_for(lambda: station.names("off/Done"))
    assert station.entry().verified_at is None


def _findings(station: Station) -> int:
    with station.archive() as archive:
        return figures.statistics(archive).open_findings


def _alerts(station: Station) -> list[str]:
    """Return what was raised; an archive that is not read back within two seconds is an alert too."""
    with station.archive() as archive, archive.read() as db:
        return [event.details["alert"] for event in events.iterate(db) if event.kind == "alert.raised"]


def _kinds(station: Station) -> list[str]:
    with station.archive() as archive, archive.read() as db:
        return [event.kind for event in events.iterate(db)]
