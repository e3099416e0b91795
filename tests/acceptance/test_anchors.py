"""Anchors as a person uses them: configured, printed, checked by verify and by openssl alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.anchored import tamper
from tests.command import command
from tests.station import Station

from pywats_archive.archive import alerts
from pywats_archive.archive.anchors.anchor import Anchor, anchors_in
from pywats_archive.archive.anchors.signing import KEY_FILE
from pywats_archive.archive.core import Archive
from pywats_archive.blobs.store import BlobStore
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now
from pywats_archive.portable.user import current_actor

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "anchors.md"
WITHOUT = "no anchor outside the archive: newest events that were cut off"


@pytest.fixture
def share(station: Station) -> Path:
    """The folder for the anchors of a station whose service ran."""
    folder = station.root / "share"
    folder.mkdir()
    (station.add("C") / "SN1.log").write_bytes(b"content")
    station.keys["anchor_folders"] = ["share"]
    station.run()
    return folder


def kept(share: Path) -> list[Anchor]:
    return [anchor for path in sorted(share.rglob("*.anchor")) for anchor in anchors_in(path.read_text("ascii"))]


def head(station: Station) -> tuple[int, str]:
    """Return the number and hash of the newest event."""
    with closing(sqlite3.connect(station.archive_root / "metadata.db")) as db:
        found: tuple[int, str] = db.execute("SELECT sequence, hash FROM events ORDER BY 1 DESC LIMIT 1").fetchone()
    return found


def test_the_stop_of_a_service_leaves_an_anchor_of_all_that_happened(share: Path, station: Station) -> None:
    """It is of the newest event, on the share and in the archive; the key is for one account."""
    assert [(each.event, each.hash) for each in kept(share)] == [head(station)]
    assert list(anchors_in((station.archive_root / "anchors.log").read_text("ascii"))) == kept(share)
    if os.name == "posix":
        assert (station.root / KEY_FILE).stat().st_mode & 0o777 == 0o600
    station.run()
    assert (kept(share)[-1].event, kept(share)[-1].hash) == head(station)


def test_status_has_the_newest_anchor_and_its_folders(share: Path, station: Station) -> None:
    """A folder that an alert says lacks it is left out; status asks no folder."""
    config = station.root / "config.json"
    (newest,) = kept(share)
    assert f"up to event {newest.event}, in {share}" in command("status", "--config", config).stdout.replace("\n", "")
    (shown,) = json.loads(command("status", "--config", config, "--json").stdout)["anchors"]
    assert (shown["event"], shown["folders"]) == (newest.event, [str(share)])
    with Archive.open(station.archive_root, own=True) as archive:
        alerts.put(archive, OpenAlert(name="anchor.failed", subject=str(share), raised_at=utc_now()))
    (shown,) = json.loads(command("status", "--config", config, "--json").stdout)["anchors"]
    assert (shown["event"], shown["folders"]) == (newest.event, [])


def test_a_later_report_carries_the_anchor(share: Path, station: Station) -> None:
    """The next start has the anchor of the last stop, and so have its reports; the header is documented."""
    (station.add("D") / "SN2.log").write_bytes(b"more")
    station.run()
    blob = sorted((station.archive_root / "reports").rglob("*.gz"))[-1]
    header = BlobStore(station.archive_root).label(blob.relative_to(station.archive_root).as_posix()).metadata
    assert header["anchor"] == kept(share)[0].carried()


def test_verify_says_up_to_where_the_history_is_proved(share: Path, station: Station) -> None:
    """With the configuration, by the share; with the archive alone, that nothing outside was compared."""
    config = str(station.root / "config.json")
    found = command("verify", "--config", config)
    assert found.returncode == 0 and f"proved up to event {head(station)[0]} " in found.stdout
    assert str(share) in found.stdout and WITHOUT not in found.stdout
    assert WITHOUT in command("verify", "--archive", station.archive_root).stdout
    named = command("verify", "--archive", station.archive_root, "--anchor", share, "--quick", "--json")
    (history,) = json.loads(named.stdout)["histories"]
    assert str(share) in history["anchor"] and history["anchors"] == 1


def test_events_that_were_cut_off_are_found(share: Path, station: Station) -> None:
    """By the share that is configured, and by one that is named; exit code 1."""
    original = (station.archive_root / "metadata.db").read_bytes()
    tamper(station.archive_root, "DELETE FROM events WHERE sequence > (SELECT max(sequence) - 3 FROM events)")
    config, archive = ["--config", str(station.root / "config.json")], ["--archive", str(station.archive_root)]
    for place in (config, [*archive, "--anchor", str(share)], [*config, "--chain"]):
        found = command("verify", *place, "--json")
        assert found.returncode == 1
        assert "history_cut" in {each["kind"] for each in json.loads(found.stdout)["problems"]}
    (station.archive_root / "metadata.db").write_bytes(original)


@pytest.mark.parametrize("option", ["--anchor", "--tsa-certificate"])
def test_a_mistyped_path_is_no_finding(share: Path, station: Station, option: str) -> None:
    """Nothing is checked: the archive is not called damaged because of a path that a person mistyped."""
    typo = share.with_name("shaer")
    answer = command("verify", option, typo, "--archive", station.archive_root)
    assert answer.returncode == 2 and f"{option}: there is no file or folder {typo}" in answer.stderr
    assert not answer.stdout


def test_the_command_prints_an_anchor_that_can_be_checked_from_a_mail(share: Path, station: Station) -> None:
    """One line an archive on standard output, nothing else there; also after a mail program broke and quoted it."""
    config = str(station.root / "config.json")
    printed = command("anchor", "--config", config)
    (line,) = printed.stdout.splitlines()
    (anchor,) = anchors_in(line)
    assert anchor.event == head(station)[0] and anchor in kept(share)
    mail = station.root / "mail.txt"
    broken = "\n".join(f"> {line[at : at + 70]}" for at in range(0, len(line), 70))
    mail.write_text(f"From: station\n\n{broken}\n-- \nICT 4\n", encoding="ascii")
    found = command("verify", "--archive", station.archive_root, "--anchor", mail)
    assert found.returncode == 0 and f"(anchor in {mail})" in found.stdout
    document = json.loads(command("anchor", "--config", config, "--json").stdout)["anchors"]
    assert [each["failures"] for each in document] == [[]] and len(document[0]["files"]) == 1


def test_the_audit_trail_shows_who_made_a_new_key(share: Path, station: Station) -> None:
    """The first key is the service's; the account that runs ``anchor`` is named as with every other verb."""
    (station.root / KEY_FILE).unlink()
    config = str(station.root / "config.json")
    assert command("anchor", "--config", config).returncode == 0
    found = json.loads(command("audit", "--category", "anchor", "--config", config, "--json").stdout)["events"]
    assert [(each["kind"], each["actor"]) for each in found] == [
        ("archive.identified", "service"),
        ("key.recorded", "service"),
        ("key.recorded", current_actor()),
    ]


def test_a_share_that_is_away_does_not_stop_the_archive(share: Path, station: Station) -> None:
    """Files are archived and sent as before; the command names the folder."""
    away = share.rename(share.with_name("away"))
    (station.add("D") / "SN2.log").write_bytes(b"more")
    outcome = station.run()
    assert outcome.waiting == () and len(station.entries()) == 2
    printed = command("anchor", "--config", station.root / "config.json")
    assert printed.returncode == 1 and str(share) in printed.stderr and "anchor-1" in printed.stdout
    away.rename(share)
    station.run()
    assert (kept(share)[-1].event, kept(share)[-1].hash) == head(station)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"anchor_folders": "share"}, "write a list of folders"),
        ({"anchor_folders": ["archive/anchors"]}, "anchor_folders"),
        ({"anchor_folders": ["~/x"]}, "not expanded"),
        ({"anchor_interval_hours": 0}, "from 0.1 to 168"),
        ({"anchor_interval_hours": "1"}, "from 0.1 to 168"),
        ({"time_stamp_url": "ftp://tsa.example.com"}, "begins with https:// or http://"),
        ({"time_stamp_url": "https://user:secret@[tsa"}, "time_stamp_url"),
        ({"time_stamp_certificates": 1}, "valid string"),
    ],
)
def test_a_wrong_key_of_the_configuration_is_named(
    share: Path, station: Station, keys: dict[str, object], message: str
) -> None:
    """One line with file, key and what to write."""
    station.keys.update(keys)
    found = command("doctor", "--config", station.write_config())
    assert message in found.stdout + found.stderr and next(iter(keys)) in found.stdout + found.stderr


def test_doctor_hints_at_missing_folders_and_names_those_beside_the_archive(share: Path, station: Station) -> None:
    """Without anchor_folders a hint that is no fault; a folder on the archive's own file system is a warning."""

    def checks() -> list[tuple[str, str]]:
        found = json.loads(command("doctor", "--quick", "--config", station.write_config(), "--json").stdout)
        return [(each["level"], each["seen"]) for each in found["checks"] if each["topic"] == "anchors"]

    assert ("warning", f"is on the same file system as {station.archive_root}, so anchors here prove less") in checks()
    station.keys["anchor_folders"] = []
    ((level, seen),) = checks()
    assert level == "skipped" and "no anchor_folders" in seen


def test_openssl_alone_checks_an_anchor_as_the_page_says(share: Path, station: Station) -> None:
    """The commands of the page, on a file from the share; a changed number is found."""
    if not shutil.which("openssl") or not shutil.which("sed") or sys.platform == "win32":
        pytest.skip("no openssl, or no shell")
    commands = re.findall(r"^    ((?:sed|openssl) .*)$", PAGE.read_text("utf-8").partition("tests run these")[2], re.M)[
        :4
    ]
    path = next(iter(share.rglob("*.anchor")))
    text = path.read_text("ascii")
    (station.root / "ANCHOR").write_text(text, encoding="ascii")
    run = ["sh", "-ec", "\n".join(commands)]
    done = subprocess.run(run, cwd=station.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully"), done.stderr
    key = next(station.archive_root.glob("public-key-*.pem"))
    assert (station.root / "key.pem").read_text("ascii") == key.read_text("ascii")
    assert key.read_text("ascii") == next(iter(share.rglob("public-key-*.pem"))).read_text("ascii")
    (station.root / "ANCHOR").write_text(text.replace("event=", "event=9"), encoding="ascii")
    assert subprocess.run(run, cwd=station.root, capture_output=True, check=False).returncode == 1
