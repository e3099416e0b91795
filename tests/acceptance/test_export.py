"""Exports: bags that validators and plain programs accept, complete, resumable, without secrets."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bags import checked_as_written, contents, records, require_valid, unpacked
from tests.command import command
from tests.filled import fill
from tests.station import Station

from pywats_archive import Client, EntryFilter
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.client.export.bag import making
from pywats_archive.errors import UsageError

START = [sys.executable, "-m", "pywats_archive"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an archive that holds one of everything."""
    fill(tmp_path)
    return tmp_path


def export(root: Path, to: str, *words: str) -> dict[str, object]:
    answer = command("export", "--to", root / to, "--archive", root / "archive", "--json", *words)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def test_a_bag_holds_everything_and_says_how_to_check_it(root: Path) -> None:
    """Bytes, records and tables agree with the archive; bagit, sha256sum and the printed checksum accept the bag."""
    answer = export(root, "bag")
    _, _, sums = require_valid(root / "bag")
    assert sums.split()[0] == answer["sha256"] and (answer["entries"], answer["problems"]) == (5, [])
    with Client([root / "archive"]) as client:
        for archive_id, record in records(root / "bag").items():
            details = client.details(archive_id)
            assert record["entry"]["source_checksum"] == details.entry.source_checksum
            assert [each["report_id"] for each in record["reports"]] == [each.report_id for each in details.reports]
            assert [each["hash"] for each in record["events"]] == [each.hash for each in details.events]
            assert record["events"][-1]["kind"] == "entry.exported"
            if any(each["kind"] == "source" for each in record["files"]):
                (path,) = (root / "bag" / each["path"] for each in record["files"] if each["kind"] == "source")
                assert path.read_bytes() == client.open_source(archive_id).read()
    rows = list(csv.DictReader((root / "bag" / "manifest.csv").open(encoding="utf-8")))
    assert [each["kind"] for each in rows].count("entry") == 5 and [r["kind"] for r in rows].count("report") == 5
    manifest = json.loads((root / "bag" / "manifest.json").read_bytes())
    listed = {each["path"] for entry in manifest["entries"] for each in entry["files"] if each["path"]}
    assert listed == {
        path.relative_to(root / "bag").as_posix() for path in root.glob("bag/data/**/*") if path.is_file()
    }


def test_a_zip_holds_the_same(root: Path) -> None:
    """A zip has the same files, in one folder with the name of the bag."""
    export(root, "bag")
    export(root, "other.zip")
    found = unpacked(root / "other.zip", root / "unpacked")
    require_valid(found)
    assert found.name == "other" and contents(found) == contents(root / "bag")
    assert not list(root.glob("*.part"))


def test_a_changed_bag_fails_the_commands_of_its_readme(root: Path) -> None:
    """One changed byte of a file, of the manifest, or of the report is found by the commands."""
    export(root, "bag")
    for name in ("data", "manifest-sha256.txt", "report.html"):
        path = next((root / "bag" / "data").glob("*/*/source/*")) if name == "data" else root / "bag" / name
        before = path.read_bytes()
        path.write_bytes(before[:-2] + b"?" + before[-1:])
        with pytest.raises(AssertionError):
            checked_as_written(root / "bag")
        path.write_bytes(before)
    require_valid(root / "bag")


def test_filters_ids_and_what_is_left_out(root: Path) -> None:
    """Serial numbers, ids and dates choose entries; --no-sources and --no-reports leave bytes out, never records."""
    assert export(root, "one", "--serial", "SN0")["entries"] == 1
    assert export(root, "named", "SN0", "GONE")["entries"] == 2
    none = command("export", "--to", root / "none", "--archive", root / "archive", "--serial", "nobody")
    assert none.returncode == 2 and "no entry matches" in none.stderr and not list(root.glob("none*"))
    assert export(root, "old", "--since", "2d", "--converter", "s")["entries"] == 1
    export(root, "bare", "--no-sources", "--no-reports")
    for name in ("one", "named", "old", "bare"):
        require_valid(root / name)
    assert contents(root / "bare") == {} and len(records(root / "bare")) == 5
    export(root, "sources", "--no-reports")
    assert {name.split("/")[3] for name in contents(root / "sources")} == {"source", "companions"}
    assert (
        command("export", "--to", root / "x", "--archive", root / "archive", "--today", "--since", "1d").returncode == 2
    )


@pytest.mark.parametrize("name", ["bag", "bag.zip"])
def test_nothing_is_overwritten(root: Path, name: str) -> None:
    """A file or folder of this name is an error, and stays as it is (invariant 3)."""
    (root / name).write_bytes(b"mine")
    answer = command("export", "--to", root / name, "--archive", root / "archive")
    assert answer.returncode == 2 and "exists already" in answer.stderr and answer.stderr.count("\n") == 1
    assert (root / name).read_bytes() == b"mine" and not list(root.glob("*.part"))


def test_odd_names_are_safe_everywhere_and_known(tmp_path: Path) -> None:
    """Newlines, device names, percent signs and 255 bytes become names for every system; the record has the own ones."""
    names = [
        "a\nb.log",
        "con",
        "50%.log",
        "x" * 251 + ".log",
        "ä" * 125 + ".log",
        "back\\slash",
        " lead",
        "trail. ",
        "ü☃",
    ]
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        for name in [*names, os.fsdecode(b"\xff\xfe.log")]:
            (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
            ingest.archive_source(archive, ingest.NewSource(path=tmp_path / name, converter_name="C"))
    export(tmp_path, "bag")
    require_valid(tmp_path / "bag")
    found = records(tmp_path / "bag").values()
    assert {Path(each["entry"]["source_original_path"]).name for each in found} == {*names, "\udcff\udcfe.log"}
    for path in contents(tmp_path / "bag"):
        assert not set(path) & set('<>:"|?*\\%\n') and len(path.encode()) < 260 and not path.endswith((".", " "))
    export(tmp_path, "bag.zip")
    assert contents(unpacked(tmp_path / "bag.zip", tmp_path / "u")) == contents(tmp_path / "bag")


def test_a_damaged_file_is_named_and_not_half_there(root: Path) -> None:
    """What cannot be read whole is missing in the bag, which is valid and says why; the exit code is 1."""
    with Client([root / "archive"]) as client:
        entry = client.details(client.resolve("SN0")).entry
    blob = root / "archive" / entry.source_archived_path
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-100])
    for name in ("bag", "bag.zip"):
        answer = command("export", "--to", root / name, "--archive", root / "archive", "--json")
        (problem,) = json.loads(answer.stdout)["problems"]
        assert answer.returncode == 1 and problem["archive_id"] == entry.archive_id
        bag = root / name if name == "bag" else unpacked(root / name, root / "u")
        require_valid(bag)
        assert not [path for path in contents(bag) if entry.archive_id in path and "/source/" in path]
        assert "restore this file" in (bag / "manifest.csv").read_text(encoding="utf-8")


def test_the_report_needs_no_script_and_no_network(root: Path) -> None:
    """The page has figures, a chart and every entry, escapes what it shows, and loads nothing."""
    (root / "<script>.csv").write_bytes(b"hostile")
    with Archive.open(root / "archive", own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=root / "<script>.csv", converter_name="<b>C</b>"))
    export(root, "bag")
    page = (root / "bag" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and "SN0" in page and page.count("<tr>") >= 6
    assert "<script" not in page and "<b>" not in page and "http://" not in page and "src=" not in page
    assert "@media print" in page and "default-src 'none'" in page


def test_secrets_are_not_in_a_bag(station: Station) -> None:
    """A PASSWORD argument and the token of the server are in no file of a bag (invariant 10)."""
    secret = "hunter2-open-sesame"
    station.code(
        "class Talks(Any):\n    def outcome(self, source, context):\n"
        "        raise ValueError('denied: ' + context.arguments['password'])\n"
    )
    (station.add("ict", "own.Talks", arguments={"password": secret}) / "SN1.log").write_text("x")
    station.run()
    answer = command("export", "--to", station.root / "bag", "--config", station.root / "config.json")
    assert answer.returncode == 0, answer.stderr
    (record,) = records(station.root / "bag").values()
    assert record["conversions"] and "password" in record["conversions"][0]["parameters"]
    for path in (station.root / "bag").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes() and b"dGVzdDp0ZXN0" not in path.read_bytes(), path


def test_a_signed_bag_is_checked_by_openssl_alone(station: Station) -> None:
    """With the station's key, the bag and the head of its history are signed; openssl finds a change, and another key."""
    (station.add("C") / "SN1.log").write_text("x")
    station.run()
    key = station.root / "pywats-archive-signing-key.pem"
    words = ("--config", station.root / "config.json", "--json")
    answer = json.loads(command("export", "--to", station.root / "bag", *words).stdout)
    said = require_valid(station.root / "bag")
    assert sum("Signature Verified Successfully" in each for each in said) == 2 and answer["unsigned_because"] is None
    public = station.archive_root / f"public-key-{answer['key']}.pem"
    assert (station.root / "bag" / "public-key.pem").read_bytes() == public.read_bytes()
    anchor = next((station.root / "bag" / "anchors").glob("*.anchor"))
    found = command("verify", "--chain", "--anchor", anchor, "--archive", station.archive_root)
    assert found.returncode == 0, found.stdout
    for name in ("tagmanifest-sha256.sig", f"anchors/{anchor.stem}.sig"):
        before = (station.root / "bag" / name).read_bytes()
        (station.root / "bag" / name).write_bytes(bytes(reversed(before)))
        with pytest.raises(AssertionError):
            checked_as_written(station.root / "bag")
        (station.root / "bag" / name).write_bytes(before)
    key.rename(station.root / "elsewhere.pem")
    unsigned = json.loads(command("export", "--to", station.root / "other", *words).stdout)
    assert unsigned["key"] is None and "no key" in unsigned["unsigned_because"] and not key.exists()


def test_another_order_does_not_go_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one order began, another one leaves alone: one clear error."""
    monkeypatch.setattr(making.Making, "_finish", lambda *_: (_ for _ in ()).throw(UsageError("stopped")))
    with Client([root / "archive"]) as client:
        with pytest.raises(UsageError, match="stopped"):
            client.export_bag(root / "bag")
        with pytest.raises(UsageError, match="with other options"):
            client.export_bag(root / "bag", reports=False)
        monkeypatch.undo()
        done = client.export_bag(root / "bag")
        assert client.export_bag(root / "late", EntryFilter(serial_number="SN0")).entries == 1
    require_valid(root / "bag")
    assert done.entries == 5


@pytest.mark.parametrize("name", ["bag", "bag.zip"])
def test_what_a_crash_cut_off_does_not_count(root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Half a line in the journal, and bytes that no line names, are cut off when the export goes on."""
    monkeypatch.setattr(making, "_AT_ONCE", 2)
    monkeypatch.setattr(making.Making, "_finish", lambda *_: (_ for _ in ()).throw(UsageError("stopped")))
    part = root / f"{name}.part"
    with Client([root / "archive"]) as client:
        with pytest.raises(UsageError, match="stopped"):
            client.export_bag(root / name)
        monkeypatch.undo()
        lines = (part / "journal.jsonl").read_bytes().splitlines(keepends=True)
        (part / "journal.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
        if name == "bag.zip":
            with (part / "bag.zip").open("ab") as stream:
                stream.write(b"\xa5" * 100_000)
        assert client.export_bag(root / name).entries == 5
    require_valid(root / name if name == "bag" else unpacked(root / name, root / "u"))


@pytest.mark.posix("fork, SIGKILL")
@pytest.mark.parametrize("name", ["bag", "bag.zip"])
def test_killed_at_random_it_goes_on(tmp_path: Path, name: str) -> None:
    """Killed again and again, the same export ends with the bag that one call makes; each entry is there once."""
    fill(tmp_path, files=60)
    rng, kills, part = random.Random(5), 0, tmp_path / f"{name}.part"
    while _is_killed(tmp_path, name, after=rng.randrange(150) if kills < 12 else None):
        kills += 1
        assert not (tmp_path / name).exists(), "nothing half-made has the name"
    assert kills >= 3 and not part.exists()
    bag = tmp_path / name if name == "bag" else unpacked(tmp_path / name, tmp_path / "u")
    require_valid(bag)
    with Client([tmp_path / "archive"]) as client:
        assert set(records(bag)) == {each.archive_id for each in client.entries()}
    export(tmp_path, "once")
    assert contents(bag) == contents(tmp_path / "once")


def _is_killed(root: Path, name: str, *, after: int | None) -> bool:
    """Export in a process of its own, which is killed when it has opened so many files; return whether it was."""
    child = os.fork()
    if child == 0:
        left = iter(range(after or 0))

        def kill(event: str, _: object) -> None:
            if event == "open" and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            making._AT_ONCE = 4
            if after is not None:
                sys.addaudithook(kill)
            with Client([root / "archive"]) as client:
                client.export_bag(root / name)
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


@pytest.mark.posix("getrusage")
@pytest.mark.parametrize("name", ["bag", "bag.zip"])
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    """A source of 100 MB takes no more memory than one of 1 MB (invariant 9)."""
    grown = []
    for size in (1, 100):
        root = tmp_path / str(size)
        root.mkdir()
        with Archive.open(root / "archive", create=True, own=True) as archive:
            with (root / "big.log").open("wb") as stream:
                for _ in range(size):
                    stream.write(b"0123456789abcdef" * 65536)
            ingest.archive_source(archive, ingest.NewSource(path=root / "big.log", converter_name="C"))
        grown.append(_peak_kib([*START, "export", "--to", str(root / name), "--archive", str(root / "archive")]))
    assert grown[1] < grown[0] + 25_000, grown


def _peak_kib(words: list[str]) -> int:
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    return int(subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True).stdout)
