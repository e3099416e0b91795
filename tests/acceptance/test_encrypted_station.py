"""A station with an encrypted archive: the whole way of a file with the key, and each thing without it in one line."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.encrypted import encrypted, without_key, words_in
from tests.station import Station, wait_for
from tests.web_server import pages

from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.blobs.encryption.keys import Identity
from pywats_archive.client import Client
from pywats_archive.config.keys import IDENTITY_FILE, RECIPIENTS_FILE
from pywats_archive.errors import ConfigError, NotEncrypted
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.integrity import Thoroughness
from pywats_archive.models.operation.replay import RunState
from pywats_archive.models.report import Report, SubmissionState

FILES = 12


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose archive is created encrypted."""
    with Station(tmp_path / "station") as made:
        create_keys(made.root)
        yield made


def drop(watch: Path, count: int = FILES, *, start: int = 0) -> dict[str, bytes]:
    """Drop files with content that is easy to find; gives them by name."""
    contents = {f"UNIT{n:03}.csv": f"needle {n};{'9.81;' * 300}\n".encode() for n in range(start, start + count)}
    for name, content in contents.items():
        (watch / name).write_bytes(content)
    return contents


def fetched(station: Station) -> dict[str, bytes]:
    """Read every source with the command, by the name of its file."""
    found = {}
    for entry in station.entries():
        done = command("cat", entry.archive_id, "--config", station.root / "config.json")
        found[Path(entry.source_original_path).name] = done.stdout.encode()
    return found


def test_the_whole_way_of_a_file(station: Station) -> None:
    """Files are archived in groups, converted, sent, restored and verified as ever, and no content is in any blob."""
    contents = drop(station.add("ict", encryption=True))
    station.run()
    assert {each.conversion_status for each in station.entries()} == {ConversionStatus.SUCCESS}
    assert len(station.server.received) == FILES
    assert fetched(station) == contents
    assert command("verify", "--config", station.root / "config.json").returncode == 0
    assert not words_in(
        station.archive_root, b"needle", b"UNIT00", b"9.81;9.81", b"machineName", b"class Any", b"own.py"
    )
    kinds = {path.name.partition(".")[2] for path in (station.archive_root / "converters").iterdir()}
    assert kinds == {"py.gz.age"}


@pytest.mark.skipif(not shutil.which("age"), reason="age is not installed")
def test_a_person_with_age_and_gunzip_opens_a_blob(station: Station, tmp_path: Path) -> None:
    """What docs/format.md says is enough: age and gunzip give the file, its header the metadata, the digest is checked."""
    contents = drop(station.add("ict", encryption=True), 1)
    station.run()
    blob = next((station.archive_root / "sources").rglob("*.gz.age"))
    packed = subprocess.run(
        ["age", "-d", "-i", station.root / IDENTITY_FILE, blob], check=True, capture_output=True
    ).stdout
    (tmp_path / "a.gz").write_bytes(packed)
    subprocess.run(["gunzip", "-N", "a.gz"], cwd=tmp_path, check=True)
    assert (tmp_path / "UNIT000.csv").read_bytes() == contents["UNIT000.csv"] == gzip.decompress(packed)
    assert json.loads(packed[16 : 12 + int.from_bytes(packed[10:12], "little")])["original_path"].endswith(
        "UNIT000.csv"
    )
    page = (Path(__file__).parents[2] / "docs/format.md").read_text()
    code = page.partition("To check it in Python:\n\n    import base64")[2].partition("\n\n#")[0]
    script = ("import base64" + code).replace("\n    ", "\n").replace("20260213143022123_a3f2d9.csv.gz.age", str(blob))
    exec(compile(script, "format.md", "exec"), {})
    with pytest.raises(AssertionError, match="damaged"):
        exec(compile(script.replace('"rb").read()', '"rb").read()[:-1]'), "format.md", "exec"), {})


def test_without_the_key_archiving_goes_on(station: Station) -> None:
    """Files are archived and converted; reports wait; whatever reads says in one line what is missing (invariant 4)."""
    watch = station.add("ict", encryption=True, post_action="delete")
    contents = drop(watch)
    with without_key(station.root):
        station.run()
        assert {each.conversion_status for each in station.entries()} == {ConversionStatus.SUCCESS}
        assert not station.server.received and station.names("ict/watch") == sorted(contents)
        first, config = station.entries()[0].archive_id, station.root / "config.json"
        for verb in (
            ["cat", first],
            ["restore", first, "--to", station.root / "out"],
            ["export", "--to", station.root / "bag"],
        ):
            done = command(*verb, "--config", config)
            lines = [each for each in (done.stdout + done.stderr).splitlines() if "key is not here" in each]
            assert done.returncode == 1 and len(lines) == 1, (verb, done.stdout, done.stderr)
        found = json.loads(command("verify", "--config", config, "--json").stdout)
        assert [each["kind"] for each in found["problems"]] == ["key_missing"]
        for verb in (["show", first], ["list"], ["search", "UNIT001"], ["stats"], ["status"]):
            done = command(*verb, "--config", config)
            assert "Traceback" not in done.stderr and (verb[0] == "status" or done.returncode == 0), (verb, done.stderr)
    station.run()
    assert len(station.server.received) == FILES and station.names("ict/watch") == []
    assert fetched(station) == contents


def test_reports_that_wait_are_sent_when_the_key_is_back(station: Station) -> None:
    """A restart without the key loses no report: it waits in the archive, and is sent once it can be read (invariant 4)."""
    watch = station.add("ict", encryption=True)
    drop(watch, 3)
    station.server.stop()
    with station.serving():
        wait_for(lambda: len([each for each in station.entries() if each.report_id]) == 3)
    station.server.start()
    with without_key(station.root):
        station.run()
        assert not station.server.received
        assert {report.submission_state for report in reports(station)} == {SubmissionState.WAITING}
    station.run()
    assert len(station.server.received) == 3
    assert {report.submission_state for report in reports(station)} == {SubmissionState.ACCEPTED}


def reports(station: Station) -> list[Report]:
    with station.archive() as archive:
        return [each for entry in station.entries() for each in archive.reports_of(entry.archive_id)]


def test_a_replay_reads_what_is_encrypted(station: Station) -> None:
    """A changed converter is replayed over encrypted sources; without the key it ends in one line."""
    drop(station.add("ict", encryption=True), 3)
    station.run()
    station.code("\nclass Any(Any):\n    version = property(lambda self: '4')\n")
    words = ("reprocess", "start", "--all", "--yes", "--json", "--config", station.write_config())
    before = {path: path.read_bytes() for path in station.archive_root.rglob("*.age")}
    with without_key(station.root):
        done = command(*words)
        assert done.returncode == 1 and "key is not here" in done.stderr + done.stdout, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    done = command(*words)
    assert done.returncode == 0, (done.stdout, done.stderr)
    with Client.from_config(station.root / "config.json") as client:
        (run,) = [each for each in client.runs() if each.state is RunState.DONE]
        assert run.total == 3 and client.details(station.entries()[0].archive_id).conversions[-1].run_id == run.run_id


def test_the_service_does_not_start_on_an_archive_in_clear(station: Station) -> None:
    """Where encryption is required nothing is archived in clear: the service ends with one line, and the files stay."""
    watch = station.add("ict")
    drop(watch, 1)
    station.run()
    station.sections[0]["encryption"] = True
    drop(watch, 1, start=5)
    with pytest.raises(NotEncrypted, match="was created without encryption"):
        station.run()
    assert station.names("ict/watch") == ["UNIT005.csv"]
    done = command("run", "--until-idle", "--config", station.root / "config.json")
    assert done.returncode == 2 and "Traceback" not in done.stderr and "without encryption" in done.stderr


def test_nothing_is_archived_for_keys_of_another_station(station: Station) -> None:
    """With foreign public keys the service does not start, doctor says why, and the file waits (invariant 2)."""
    watch = station.add("ict", encryption=True, post_action="delete")
    contents = drop(watch, 1)
    station.run()
    recipients, config = station.root / RECIPIENTS_FILE, station.root / "config.json"
    good = recipients.read_text()
    recipients.chmod(0o600)
    recipients.write_text("\n".join(str(Identity.generate().recipient) for _ in range(2)))
    contents |= drop(watch, 1, start=5)
    with pytest.raises(ConfigError, match=r"new entries of .* could not be read"):
        station.run()
    assert station.names("ict/watch") == ["UNIT005.csv"] and len(station.entries()) == 1
    checks = json.loads(command("doctor", "--json", "--quick", "--config", config).stdout)["checks"]
    (check,) = [each for each in checks if each["topic"] == "encryption"]
    assert check["level"] == "failed" and "has none of the keys here" in check["seen"]
    recipients.write_text(good)
    station.run()
    assert station.names("ict/watch") == [] and fetched(station) == contents


def test_the_pages_read_with_the_key_and_say_so_without(station: Station) -> None:
    """The page of an entry shows source and report with the key; without it the page is there, and names the reason."""
    drop(station.add("ict", encryption=True), 1)
    station.run()
    entry = station.entry().archive_id
    with pages(station.archive_root) as served, served.browser() as browser:
        assert "needle" in browser.get(f"/entries/{entry}?tab=source").text
        assert browser.get(f"/entries/{entry}").status_code == 200
    with without_key(station.root), pages(station.archive_root) as served, served.browser() as browser:
        for place in (f"/entries/{entry}?tab=source", f"/entries/{entry}"):
            answer = browser.get(place)
            assert answer.status_code == 200 and "key is not here" in answer.text, answer.text
        assert served.api().get(f"/api/v1/entries/{entry}/source").status_code == 423


def test_entries_go_from_one_encrypted_archive_to_another(station: Station, tmp_path: Path) -> None:
    """A bag from an encrypted archive is in clear, and is imported into another encrypted archive, which is sound."""
    contents = drop(station.add("ict", encryption=True), 4)
    station.run()
    bag = tmp_path / "bag"
    assert command("export", "--to", bag, "--config", station.root / "config.json").returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    encrypted(other)
    done = command("import", bag, "--archive", other / "archive")
    assert done.returncode == 0, done.stderr
    again = command("import", bag, "--archive", other / "archive", "--json")
    assert json.loads(again.stdout)["imported"] == 0, again.stdout
    with Client(other / "archive") as client:
        assert not [each.problem for each in client.verify(Thoroughness()) if each.problem]
    for entry in station.entries():
        name = Path(entry.source_original_path).name
        assert command("cat", entry.archive_id, "--archive", other / "archive").stdout.encode() == contents[name]
    assert not words_in(other / "archive", b"needle", b"UNIT00", b"9.81;9.81")
