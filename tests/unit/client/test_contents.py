"""Sources, companions and reports as files that a program reads, and as what ``cat`` writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import filled
from tests.patience import PATIENCE_S

from pywats_archive import Client
from pywats_archive.errors import BlobDamaged, BlobMissing, UnknownEntry, UsageError
from pywats_archive.models.entry import SourceKind


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    """The content of each file source of an archive, by id."""
    return filled.fill(tmp_path)


@pytest.fixture
def client(tmp_path: Path, contents: dict[str, bytes]) -> Iterator[Client]:
    """A client of that archive."""
    with Client([tmp_path / "archive"]) as opened:
        yield opened


def test_a_source_is_read_in_any_steps(client: Client, contents: dict[str, bytes]) -> None:
    """Its bytes come whole, in small steps and in lines, and the history names who read it."""
    for archive_id, content in contents.items():
        with client.open_source(archive_id, actor="kim") as stream:
            assert stream.read() == content
        with client.open_source(archive_id) as stream:
            assert b"".join(iter(lambda: stream.read(7), b"")) == content
        reads = [event for event in client.details(archive_id).events if event.kind == "source.restored"]
        assert [event.actor for event in reads] == ["kim", client.actor]


def test_companions_and_reports_are_read(client: Client, contents: dict[str, bytes]) -> None:
    """Each companion by its name, each report by its number; what is not there is listed."""
    for number, archive_id in enumerate(contents):
        with client.open_companion(archive_id, f"SN{number}.extra") as stream:
            assert stream.read() == b"companion %d" % number
    last = client.details(archive_id)
    documents = [json.load(client.open_report(archive_id, number)) for number in range(1, len(last.reports) + 1)]
    assert [each["sn"] for each in documents] == [report.serial_number for report in last.reports]
    with pytest.raises(UsageError, match=r"no companion 'x'; there are SN1\.extra"):
        client.open_companion(archive_id, "x")
    for number in (0, 4, -1):
        with pytest.raises(UsageError, match=f"has no report {number}; it has 3"):
            client.open_report(archive_id, number)
    with pytest.raises(UnknownEntry):
        client.open_source("nothing")


def test_the_history_names_who_read_a_companion(client: Client, contents: dict[str, bytes]) -> None:
    """A companion is a part of the source (invariant 8)."""
    archive_id = next(iter(contents))
    client.open_companion(archive_id, "SN0.extra").close()
    client.open_companion(archive_id, "SN0.extra", actor="kim").close()
    read = [event for event in client.details(archive_id).events if event.kind == "source.restored"]
    assert [event.actor for event in read] == [client.actor, "kim"]
    assert [event.details["companion"] for event in read] == ["SN0.extra"] * 2


@pytest.mark.parametrize("column", ["name", "checksum"])
def test_a_packed_companion_is_the_recorded_one(
    tmp_path: Path, client: Client, contents: dict[str, bytes], column: str
) -> None:
    """A companion that its blob does not hold, or not as recorded, raises instead of being empty or another one."""
    archive_id = next(iter(contents))
    change = f"UPDATE archive_entries SET companions = json_set(companions, '$[0].{column}', 'sha256:else')"
    with sqlite3.connect(tmp_path / "archive" / "metadata.db") as raw:
        raw.execute(f"{change} WHERE archive_id = ?", (archive_id,))
    raw.close()
    (companion,) = client.details(archive_id).entry.companions
    with client.open_companion(archive_id, companion.name) as stream, pytest.raises(BlobDamaged, match="as recorded"):
        stream.read()


def test_a_folder_is_its_tar_and_a_record_has_no_bytes(client: Client) -> None:
    """The source of a folder is the tar that its checksum is of; what was not kept says so."""
    by_kind = {entry.source_kind: entry for entry in client.entries() if entry.source_archived_path}
    with client.open_source(by_kind[SourceKind.FOLDER].archive_id) as stream:
        assert b"in a folder" in stream.read()
    (record,) = (entry for entry in client.entries() if not entry.source_archived_path)
    with pytest.raises(BlobMissing, match="was not kept"):
        client.open_source(record.archive_id)


@pytest.mark.long
def test_damage_is_raised_at_the_end(tmp_path: Path, client: Client, contents: dict[str, bytes]) -> None:
    """A source with other bytes than recorded raises once all is read, and ``cat`` ends with an error and one line."""
    one, other = contents
    paths = [tmp_path / "archive" / client.details(each).entry.source_archived_path for each in (one, other)]
    paths[0].chmod(0o600)
    paths[0].write_bytes(paths[1].read_bytes())
    with client.open_source(one) as stream, pytest.raises(BlobDamaged):
        while stream.read(1000):
            pass
    for name, is_damaged in ((one, True), (other, False)):
        words = [sys.executable, "-m", "pywats_archive", "cat", name, "--archive", str(tmp_path / "archive")]
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
        assert (done.returncode != 0, done.stderr.count(b"\n")) == (is_damaged, int(is_damaged))
        assert done.stdout == contents[other]
