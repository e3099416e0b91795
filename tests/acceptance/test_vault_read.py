"""What was purged at the station is read from the vault: by the command, by a program, and on the pages."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.command import command
from tests.station import PATIENCE_S, Station, wait_for
from tests.web_server import serving

from pywats_archive import ArchiveError, BlobDamaged, BlobMissing, Client, OpenAlert, RetentionPolicy
from pywats_archive.archive import alerts
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.reading import opened
from pywats_archive.web.station import MOST_VAULT_READS

LOG, LIMITS = "log of SN1", "limits of SN1"


@dataclass(frozen=True)
class Purged:
    """A station whose vault has the files of an entry that was purged."""

    config: Path
    share: Path
    entry: ArchiveEntry


@pytest.fixture
def purged(station: Station, tmp_path: Path) -> Iterator[Purged]:
    watch = station.add("good", archive_companions=["{stem}.ini"], file_patterns=["*.log"])
    share = tmp_path / "share"
    station.keys["vault_url"] = str(share)
    (watch / "SN1.log").write_text(LOG)
    (watch / "SN1.ini").write_text(LIMITS)
    config = station.write_config()
    with Client.from_config(config) as client:
        client.vault.init()
    station.run()
    with Client.from_config(config) as client:
        client.vault.push()
        (entry,) = client.entries()
        client.retention.purge_named([entry.archive_id])
    yield Purged(config, share, entry)


def test_cat_reads_what_was_purged_from_the_vault(purged: Purged) -> None:
    """Every file of the entry, with a line that says so; the history has each with the vault (invariant 8)."""
    notice = f"{purged.entry.archive_id}: read from the vault {purged.share}, since the archive has no intact copy\n"
    for options, content in (((), LOG), (("--companion", "SN1.ini"), LIMITS)):
        done = command("cat", purged.entry.archive_id, *options, "--config", purged.config)
        assert (done.returncode, done.stdout, done.stderr) == (0, content, notice)
    report = command("cat", purged.entry.archive_id, "--report", "1", "--config", purged.config)
    assert (report.returncode, report.stderr) == (0, notice) and '"sn"' in report.stdout
    shown = command("show", purged.entry.archive_id, "--report", "1", "--config", purged.config)
    assert (shown.returncode, shown.stderr) == (0, notice) and '"sn"' in shown.stdout
    with Client.from_config(purged.config) as client:
        events = client.details(purged.entry.archive_id).events
    read = [
        (each.kind, each.details.get("vault")) for each in events if each.kind in ("source.restored", "report.read")
    ]
    kinds = ("source.restored", "source.restored", "report.read", "report.read")
    assert read == [(kind, str(purged.share)) for kind in kinds]


def test_a_restore_says_that_it_used_the_vault(purged: Purged, tmp_path: Path) -> None:
    """On stderr, so that stdout has the paths alone, and in JSON."""
    archive_id, to = purged.entry.archive_id, tmp_path / "out"
    done = command("restore", archive_id, "--to", to, "--config", purged.config)
    notice = f"{archive_id}: read from the vault {purged.share}, since the archive has no intact copy\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{to / 'SN1.log'}\n", notice)
    again = command("restore", archive_id, "--to", to, "--config", purged.config, "--json")
    assert (again.returncode, again.stderr) == (0, "")
    assert [each["vault"] for each in json.loads(again.stdout)["restored"]] == [str(purged.share)]


def test_a_purge_by_hand_obeys_the_configuration_at_once(station: Station, purged: Purged) -> None:
    """``vault_required`` counts from the moment it is written, whether a service has read it yet or not (invariant 13)."""
    (station.root / "good" / "watch" / "SN2.log").write_text("log of SN2")
    station.run()
    station.keys["vault_required"] = True
    with Client.from_config(station.write_config()) as client:
        (entry,) = (each for each in client.entries() if not each.purged_at)
        client.retention.purge_named([entry.archive_id])
        assert [each.purged_at for each in client.entries() if each.archive_id == entry.archive_id] == [None]


def test_a_failed_restore_names_the_entry_once(station: Station, purged: Purged, tmp_path: Path) -> None:
    """The archive alone, without the configuration, has no vault."""
    done = command("restore", purged.entry.archive_id, "--to", tmp_path / "out", "--archive", station.archive_root)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith(f"{purged.entry.archive_id}: was purged"), line


def test_a_file_that_is_missing_comes_from_the_vault_too(station: Station, purged: Purged) -> None:
    """The vault is not asked for a file that the archive has."""
    watch = station.root / "good" / "watch"
    (watch / "SN2.log").write_text("log of SN2")
    station.run()
    with Client.from_config(purged.config) as client:
        client.vault.push()
        (entry,) = (each for each in client.entries() if not each.purged_at)
        blob = station.archive_root / entry.source_archived_path
        aside = blob.with_name("aside")
        with client.open_source(entry.archive_id) as content:
            assert (content.read(), content.vault) == (b"log of SN2", None)
        blob.rename(aside)
        try:
            with client.open_source(entry.archive_id) as content:
                assert (content.read(), content.vault) == (b"log of SN2", str(purged.share))
        finally:
            aside.rename(blob)


def test_without_the_vault_the_error_says_both(purged: Purged, tmp_path: Path) -> None:
    """That the source was purged, and why it could not be read from the vault."""
    purged.share.rename(tmp_path / "away")
    with (
        Client.from_config(purged.config) as client,
        pytest.raises(ArchiveError, match=r"was purged on .* reading it from the vault failed: "),
    ):
        client.open_source(purged.entry.archive_id)
    (tmp_path / "away").rename(purged.share)


def test_keys_of_the_vault_that_are_invalid_are_named(station: Station, purged: Purged) -> None:
    """A mistake in the configuration does not look like a vault that lacks the entry."""
    station.keys["vault_endpoint"] = "no address"
    station.write_config()
    done = command("cat", purged.entry.archive_id, "--config", purged.config)
    assert done.returncode != 0 and "vault_endpoint" in done.stderr, done.stderr


def test_content_from_the_vault_is_compared_with_the_catalog(purged: Purged) -> None:
    """A segment in the vault may have other bytes: then the last read says so."""
    (key,) = purged.share.rglob("*.zip")
    segment = opened(key.read_bytes(), key.name)
    forged = gzip.compress(b"forged")
    members = [(path, forged if path.endswith(".log.gz") else segment.read(path)) for path in segment.files]
    key.unlink()
    key.write_bytes(build(members, segment.read("rows.jsonl.gz"), segment.description))
    with (
        Client.from_config(purged.config) as client,
        client.open_source(purged.entry.archive_id) as content,
        pytest.raises(BlobDamaged, match="recorded was"),
    ):
        content.read()


def test_the_pages_show_it_if_a_person_asks(purged: Purged) -> None:
    """The vault may be slow: before that, the page only says that there may be a copy. Downloads use the vault at once."""
    here = f"/entries/{purged.entry.archive_id}"
    with serving("web", "--port", "0", "--config", purged.config) as running, running.browser() as browser:
        for tab, content in (("source", LOG), ("report", "SN1")):
            first = browser.get(f"{here}?tab={tab}").text
            assert "Show the copy in the vault" in first and content not in first.partition("Show the copy")[2]
            shown = browser.get(f"{here}?tab={tab}&vault=yes").text
            assert f"read from the vault <bdi>{purged.share}</bdi>, since" in shown and "Show the copy" not in shown
        assert LOG in browser.get(f"{here}?tab=source&vault=yes").text
        assert "companion=SN1.ini&amp;vault=yes" in browser.get(f"{here}?tab=source&vault=yes").text
        assert browser.get(f"/api/v1{here}/source").text == LOG
        assert browser.get(f"/api/v1{here}/companion?name=SN1.ini").text == LIMITS
        assert browser.get(f"/api/v1{here}/reports/1").status_code == 200


def test_parts_of_a_file_are_read_from_the_vault_once(purged: Purged) -> None:
    """A download in ranges does not fetch the whole file for each of them."""
    here = f"/api/v1/entries/{purged.entry.archive_id}/source"
    with serving("web", "--port", "0", "--config", purged.config) as running, running.browser() as browser:
        first = browser.get(here, headers={"range": "bytes=0-1"})
        purged.share.rename(purged.share.with_name("away"))
        second = browser.get(here, headers={"range": "bytes=2-"})
    assert (first.status_code, second.status_code) == (206, 206) and first.text + second.text == LOG


def test_a_page_that_opens_asks_no_vault(station: Station, purged: Purged) -> None:
    """For a file that is missing too, the vault is asked once a person asks for it."""
    (station.root / "good" / "watch" / "SN2.log").write_text("log of SN2")
    station.run()
    with Client.from_config(purged.config) as client:
        client.vault.push()
        (entry,) = (each for each in client.entries() if not each.purged_at)
    blob = station.archive_root / entry.source_archived_path
    aside = blob.rename(blob.with_name("aside"))
    here = f"/entries/{entry.archive_id}?tab=source"
    with serving("web", "--port", "0", "--config", purged.config) as running, running.browser() as browser:
        opened_alone = browser.get(here).text
        assert "The file is missing in the archive." in opened_alone and "log of SN2" not in opened_alone
        assert f'href="{here}&amp;vault=yes"' in opened_alone
        assert "log of SN2" in browser.get(f"{here}&vault=yes").text
        assert browser.get(f"/api/v1/entries/{entry.archive_id}/image").status_code == 410
        assert browser.get(f"/api/v1/entries/{entry.archive_id}/image?vault=yes").status_code == 422  # it is no image
        attachments = f"/api/v1/entries/{purged.entry.archive_id}/reports/1/attachments"
        assert browser.get(attachments).status_code == 410
        assert browser.get(f"{attachments}?vault=yes").json() == []
    aside.rename(blob)


def test_a_source_that_was_never_kept_is_not_looked_for_in_the_vault(station: Station, purged: Purged) -> None:
    """Its error names no vault."""
    with Client.from_config(purged.config) as client:
        with closing(sqlite3.connect(station.archive_root / "metadata.db")) as db:
            kept = db.execute("SELECT archived_path FROM archive_entries").fetchall()
            for path in ("", *kept[0]):
                db.execute("UPDATE archive_entries SET archived_path = ?", (path,))
                db.commit()
                if not path:
                    with pytest.raises(BlobMissing) as failed:
                        client.open_source(purged.entry.archive_id)
        assert "vault" not in str(failed.value)


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe stands for a share that does not answer")
def test_a_vault_that_does_not_answer_stops_no_other_page(station: Station, purged: Purged) -> None:
    """What waits for it takes no turn, and one read too many is refused, on a page and as a download."""
    station.keys["vault_segment_mb"] = 1
    (station.root / "good" / "watch" / "SN2.log").write_bytes(content := os.urandom(1_500_000))
    config = station.write_config()
    station.run()
    with Client.from_config(config) as client:
        client.vault.push()
        (entry,) = (each for each in client.entries() if not each.purged_at)
        client.retention.purge_named([entry.archive_id])
    (large,) = (path for path in purged.share.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000)
    aside = large.rename(large.with_name("aside"))
    os.mkfifo(large)
    here = f"/entries/{entry.archive_id}"
    with serving("web", "--port", "0", "--config", config) as running, running.browser() as browser:

        def shown() -> str:
            while (answer := browser.get(f"{here}?tab=source&vault=yes", timeout=PATIENCE_S)).status_code == 503:
                pass
            return answer.text

        with ThreadPoolExecutor(MOST_VAULT_READS) as pool:
            waiting = [pool.submit(shown) for _ in range(MOST_VAULT_READS)]
            try:
                wait_for(lambda: browser.get(f"/api/v1{here}/reports/1").status_code == 503)
                for address in (f"{here}?tab=source&vault=yes", f"/api/v1{here}/source", f"/api/v1{here}/reports/1"):
                    refused = browser.get(address)
                    assert refused.status_code == 503 and "are being read from the vault already" in refused.text
                assert browser.get(f"{here}?tab=source").status_code == 200
            finally:
                while not all(each.done() for each in waiting):
                    with suppress(OSError):  # nobody waits at this moment
                        os.close(os.open(large, os.O_WRONLY | os.O_NONBLOCK))
                    time.sleep(0.01)
            assert all("reading it from the vault failed" in each.result() for each in waiting)
        large.unlink()
        aside.rename(large)
        assert browser.get(f"/api/v1{here}/source").content == content


def test_status_and_page_say_what_the_vault_confirmed_and_what_it_lacks(station: Station, tmp_path: Path) -> None:
    """The last confirmed event, the files without a copy, and the open alerts: the same in both (invariant 13)."""
    watch = station.add("good")
    station.keys |= {"vault_url": str(tmp_path / "share"), "vault_required": True}
    config = station.write_config()
    with Client.from_config(config) as client:
        client.vault.init()
    (watch / "SN1.log").write_text(LOG)
    station.run()
    (tmp_path / "share").rename(tmp_path / "away")
    (watch / "SN2.log").write_text("log of SN2")
    station.run()
    (tmp_path / "away").rename(tmp_path / "share")
    with Client.from_config(config) as client:
        (lag,) = client.vault.status().archives
        assert lag.confirmed == lag.last > 0 and lag.confirmed_at and (lag.lacking, lag.alerts) == ((), ())
        newest = max(client.entries(), key=lambda each: each.archive_id)
        blob = station.archive_root / newest.source_archived_path
        aside = blob.rename(blob.with_name("aside"))
        client.vault.push()
        aside.rename(blob)
        (lag,) = client.vault.status().archives
        assert lag.lacking == (newest.source_archived_path,)
    with station.archive() as archive:
        alert = OpenAlert(
            name="vault.failed", subject=str(archive.root), raised_at=archive.now(), details={"reason": "403"}
        )
        alerts.put(archive, alert)
    said = command("vault", "status", "--config", config).stdout
    lack = f"{newest.source_archived_path}: the vault has no copy; run"
    assert f"confirmed up to event {lag.confirmed}, asked at" in said and lack in said
    assert "is not copied to the vault" in said and "403" in said
    with serving("web", "--port", "0", "--config", str(config)) as running, running.browser() as browser:
        shown = browser.get("/integrity").text
        assert f"up to event {lag.confirmed:,}, asked" in shown and lack in shown and "No finding" not in shown
        assert "is not copied to the vault" in shown and str(tmp_path / "share") in shown
    with station.archive() as archive:
        alerts.clear(archive, alert)


@pytest.mark.parametrize("is_required", [True, False])
def test_the_page_calls_nothing_well_before_anything_was_copied(
    station: Station, tmp_path: Path, is_required: bool
) -> None:
    """Nor does it say that nothing is required, while purges wait for the vault (invariant 13)."""
    watch = station.add("good")
    (watch / "SN1.log").write_text(LOG)
    station.run()
    station.keys |= {"vault_url": str(tmp_path / "share"), "vault_required": is_required}
    config = station.write_config()
    with serving("web", "--port", "0", "--config", str(config)) as running, running.browser() as browser:
        shown = browser.get("/integrity").text
    assert "No finding on the copies" not in shown
    assert (
        "not asked, since vault_required is not set" in shown,
        "has confirmed nothing of this history yet" in shown,
    ) == (
        not is_required,
        is_required,
    )
    assert ("Nothing was copied yet." in shown) is not is_required


def test_verify_finds_newest_events_that_were_cut_off(station: Station, purged: Purged) -> None:
    """Plain ``verify`` asks the vault; without it, a line says so and nothing fails (invariant 8)."""
    sound = command("verify", "--chain", "--config", purged.config)
    assert sound.returncode == 0 and f"agrees with the vault {purged.share} up to event" in sound.stdout
    catalog = station.archive_root / "metadata.db"
    with closing(sqlite3.connect(catalog)) as db, closing(sqlite3.connect(purged.share.parent / "before.db")) as to:
        db.backup(to)
    with Client.from_config(purged.config) as client:
        client.retention.set_policy(RetentionPolicy(converter_name="good", retention_days=300))
        client.vault.push()
    with closing(sqlite3.connect(catalog)) as db, closing(sqlite3.connect(purged.share.parent / "after.db")) as to:
        db.backup(to)
    for name, code, says in (
        ("before.db", 1, "its newest events were cut off"),
        ("after.db", 0, "agrees with the vault"),
    ):
        with closing(sqlite3.connect(purged.share.parent / name)) as db, closing(sqlite3.connect(catalog)) as to:
            db.backup(to)
        found = command("verify", "--chain", "--config", purged.config)
        assert found.returncode == code and says in found.stdout
    purged.share.rename(purged.share.with_name("away"))
    away = command("verify", "--chain", "--config", purged.config)
    assert away.returncode == 0 and "was not compared with the vault" in away.stdout
