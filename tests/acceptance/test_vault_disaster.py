"""A station loses its disk. The vault gives the archive back, to the command and to whoever has only ``unzip`` and ``sqlite3``.

``make disaster ENTRIES=3000`` does this with as many entries, and prints how long each part takes.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.real_files import SAMPLES, drop_samples
from tests.replayed import AFTER, BEFORE
from tests.station import FOLDERS, Station, wait_for
from tests.timing import Timed
from tests.vaulted import ByReadme, Rows, blobs, rows

from pywats_archive import Client, ConversionStatus, EntryFilter, ReplayRequest
from pywats_archive.models.report import SubmissionState
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.folder import FolderVault

ENTRIES = int(os.environ.get("ENTRIES", "60"))
_FOLDERS, _LATE = 3, 3


class Disaster:
    """A station with a vault, and everything that happened there."""

    def __init__(self, station: Station, vault: Path) -> None:
        self.station = station
        self.vault = vault
        self.dropped: dict[str, bytes] = {}
        self._rng = random.Random(1)
        station.code(BEFORE + FOLDERS)
        station.keys |= {"vault_url": str(vault), "vault_required": True, "vault_segment_mb": 1}
        self._watch = station.add("ict", "own.Limits")
        self._folders = station.add("folders", "own.Folders", converter_type="folder")

    @property
    def root(self) -> Path:
        """The folder of the archive."""
        return self.station.archive_root

    def happen(self) -> None:
        """Let files be converted, fail, be replayed, held and purged, and some reports wait for the server."""
        with self.client() as client:
            client.vault.init()
        self._drop_samples()
        self.drop(ENTRIES // 2)
        self.station.run()
        with self.client() as client:
            client.vault.push()
        self._hold_and_purge()
        self.station.code(AFTER.replace("GATE", repr(str(self.station.root / "gate"))) + FOLDERS)
        with self.client() as client:
            failed = client.find(EntryFilter(status=ConversionStatus.FAILED, converter_name="ict"), limit=ENTRIES).items
            client.replay([each.archive_id for each in failed], ReplayRequest(submit_to_server=True), processes=1)
        self.drop(ENTRIES - ENTRIES // 2 - _LATE)
        self.station.run()
        self._drop_while_the_server_is_away()
        with self.client() as client:
            client.vault.push()
            client.vault.push()  # the confirmation of the first one is an event too

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the station."""
        with Client.from_config(self.station.write_config()) as client:
            yield client

    def said(self, *words: str) -> Any:
        """Return what a verb says about the station; 'status' ends with 1 while no service runs."""
        ended = command(*words, "--config", self.station.write_config(), "--json")
        assert ended.stderr == "", ended
        return json.loads(ended.stdout)

    def drop(self, number: int) -> None:
        """Drop files of which some fail before the converter is fixed, and others would have another result after it."""
        for _ in range(number):
            name = f"SN{len(self.dropped)}.log"
            kind = self._rng.choices(("x", "new", "turns"), weights=(8, 1, 1))[0]
            self.dropped[name] = f"{kind} {self._rng.randbytes(self._rng.randrange(2_000)).hex()}".encode()
            (self._watch / name).write_bytes(self.dropped[name])

    def _drop_samples(self) -> None:
        """Drop a few folders, and real log files for the converters that they are for."""
        for number in range(_FOLDERS):
            folder = self.station.root / f"F{number}"
            folder.mkdir()
            (folder / "values.txt").write_text(f"value {number}")
            (folder / "COMPLETE.marker").touch()
            folder.rename(self._folders / folder.name)
        if SAMPLES.is_dir():
            drop_samples(self.station, SAMPLES)
            self.dropped |= {path.name: path.read_bytes() for path in SAMPLES.rglob("*.*") if path.is_file()}

    def _hold_and_purge(self) -> None:
        """Purge what the vault has confirmed, as the service lets it do every twelve hours."""
        with self.station.archive() as archive:
            Shipping(archive, FolderVault(self.vault)).confirm()
        with self.client() as client:
            found = client.find(EntryFilter(converter_name="ict", newest_first=False), limit=ENTRIES).items
            sent = [each.archive_id for each in found if each.report_count]
            client.retention.hold(sent[:2], "an audit")
            (purged,) = client.retention.purge_named(sent[2 : 2 + ENTRIES // 10], unsubmitted=True)
            assert purged.archives_purged == ENTRIES // 10

    def _drop_while_the_server_is_away(self) -> None:
        self.station.server.stop()
        with self.station.serving():
            self.drop(_LATE)
            wait_for(lambda: len(self._waiting()) == _LATE)
        self.station.server.start()

    def _waiting(self) -> list[str]:
        with self.station.archive() as archive:
            found = archive.find(EntryFilter(converter_name="ict"), limit=_LATE).items
            states = [(each, archive.reports_of(each.archive_id)) for each in found]
        return [e.archive_id for e, made in states if any(r.submission_state is SubmissionState.WAITING for r in made)]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_station_that_lost_its_disk_goes_on(tmp_path: Path, timed: Timed) -> None:
    """The same rows, history and bytes, by the command and by the README; nothing is sent twice (invariants 4, 6, 8)."""
    with Station(tmp_path / "station") as station:
        lost = Disaster(station, tmp_path / "vault")
        with timed(f"{ENTRIES} entries archived, converted and shipped"):
            lost.happen()
        before, contents, sent = rows(lost.root), blobs(lost.root), station.server.received
        status, waiting = lost.said("status"), lost.said("vault", "status")["archives"]
        shutil.rmtree(lost.root)

        with timed("restored"):
            ended = command("vault", "restore", "--to", lost.root, "--config", station.write_config())
        assert ended.stderr == "", ended
        _check_rows(before, rows(lost.root))
        assert blobs(lost.root) == contents
        with timed("verified"):
            assert lost.said("verify")["problems"] == []
        assert _lasting(lost.said("status")) == _lasting(status)
        assert [each["size_bytes"] for each in (*waiting, *lost.said("vault", "status")["archives"])] == [0, 0]

        with timed("unpacked by the README"):
            _check_readme(lost, tmp_path / "unpacked", before, contents)

        lost.drop(1)
        station.run()
        received = station.server.received
        assert len(received) == len(sent) + _LATE + 1
        assert [report_id for report_id, bodies in received.items() if len(bodies) > 1] == []
        with timed("checked in the vault"):
            assert [each["problems"] for each in lost.said("vault", "verify")["archives"]] == [[]]
        assert lost.said("vault", "status")["archives"][0]["size_bytes"] == 0


def _check_rows(before: Rows, after: Rows) -> None:
    """All rows are the same; the history goes on with the event of the restore."""
    *same, restored = after.pop("events")
    assert (same, restored["kind"]) == (before["events"], "archive.restored")
    assert after == {name: each for name, each in before.items() if name != "events"}


def _lasting(status: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the process that asks, and on the notes of the service beside the archive."""
    alerts = sorted((each["name"], each["subject"]) for each in status["alerts"])
    return {**status, "services": [], "alerts": alerts}


def _check_readme(lost: Disaster, folder: Path, before: Rows, contents: dict[str, bytes]) -> None:
    """The commands of the page give each blob, each original under its own name, and each row."""
    archive_uuid = json.loads((lost.root / "archive.json").read_bytes())["archive_uuid"]
    readme = ByReadme(lost.vault, archive_uuid, folder)
    unpacked = readme.blobs()
    assert {path: unpacked[path] for path in contents} == contents
    assert len(unpacked) == len(contents) + 2 * (ENTRIES // 10)  # sources and reports that were purged later
    assert readme.rows_by_sqlite3() == before
    assert readme.rows_by_python() == before
    found = dict(line.split("|") for line in readme.unpurged_by_sqlite3())
    assert found.keys() == {path for path in contents if path.startswith("sources/") and ".companions." not in path}
    named = {
        path: lost.dropped[Path(origin).name] for path, origin in found.items() if Path(origin).name in lost.dropped
    }
    assert len(named) == len(found) - _FOLDERS
    assert {path: gzip.decompress(unpacked[path]) for path in named} == named
    for path in list(named)[-3:]:
        assert readme.original(path) == (Path(found[path]).name, named[path])
