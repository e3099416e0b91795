"""The way of one source through the service, to each of its ends."""

from __future__ import annotations

import json
import os
import platform
import re
import threading
import time
import zipfile
from pathlib import Path

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.client import Client
from pywats_archive.errors import ArchiveInUse
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState


def test_a_source_is_archived_converted_submitted_and_moved(station: Station) -> None:
    """A good file ends in Done, its bytes and its report in the archive, its report at the server (invariants 1, 4)."""
    watch = station.add("good", arguments={"password": "hunter2-secret"})
    (watch / "SN1.log").write_bytes(b"measured\n" * 100)
    left = station.run()
    details = station.details()
    (report,) = details.reports
    assert left.waiting == ()
    assert station.names("good/Done") == ["SN1.log"] and station.names("good/watch") == []
    assert details.entry.conversion_status is ConversionStatus.SUCCESS
    assert details.entry.converter_version == "3.2.1"
    assert report.submission_state is SubmissionState.ACCEPTED
    with station.archive() as archive:
        assert station.server.received[report.report_id] == [archive.document(report)]


def test_a_password_is_nowhere_in_the_archive(station: Station) -> None:
    """PASSWORD arguments are kept as keyed fingerprints, in rows, events and errors alike (invariant 10)."""
    station.code(
        "class Leaky(Any):\n"
        "    def outcome(self, source, context):\n"
        "        raise ValueError('login failed with ' + context.get_argument('password'))\n"
    )
    watch = station.add("leaky", "own.Leaky", arguments={"password": "hunter2-secret", "greeting": "hi"})
    (watch / "a.log").write_bytes(b"x")
    station.run()
    (conversion,) = station.details().conversions
    assert conversion.parameters["greeting"] == "hi"
    assert conversion.parameters["password"].startswith("hmac-sha256:")
    assert "[PASSWORD password]" in (conversion.error or "")
    for path in station.archive_root.rglob("*"):
        assert not path.is_file() or b"hunter2-secret" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("raise ValueError('bad\\nline')", "FAILED", "ValueError: bad line"),
        ("time.sleep(60)", "FAILED", "longer than 1 s"),
        ("os._exit(7)", "FAILED", "exit code 7"),
        ("sys.exit(3)", "FAILED", "SystemExit"),
        ("return None", "FAILED", "returned NoneType"),
        ("return ConverterResult.failed_result('no header')", "FAILED", "no header"),
        (
            "return ConverterResult.success_result(report=report('S', id='x', value=float('nan')))",
            "FAILED",
            "/value is nan",
        ),
    ],
    ids=["raises", "hangs", "exits", "sys-exits", "nothing", "fails", "not-json"],
)
def test_a_failing_converter_fails_its_own_file(station: Station, body: str, status: str, told: str) -> None:
    """A converter that fails in any way leaves its source in Error and in the archive; others go on."""
    station.code(f"class Bad(Any):\n    def outcome(self, source, context):\n        {body}\n")
    bad = station.add("bad", "own.Bad", timeout_seconds=1)
    good = station.add("good")
    (bad / "a.log").write_bytes(b"bad")
    (good / "b.log").write_bytes(b"good")
    station.run()
    by_name = {entry.converter_name: entry for entry in station.entries()}
    assert by_name["bad"].conversion_status.value == status
    assert told in (by_name["bad"].conversion_error or "")
    assert station.names("bad/Error") == ["a.log"]
    assert by_name["good"].conversion_status is ConversionStatus.SUCCESS


def test_every_report_of_a_result_counts(station: Station) -> None:
    """Two reports of one file are both archived and both submitted, each under its own id (invariant 4)."""
    station.code(
        "class Two(Any):\n"
        "    def outcome(self, source, context):\n"
        "        bodies = [{k: v for k, v in report(f'S{n}').items() if v is not None} for n in (1, 2)]\n"
        "        return ConverterResult.success_result(report=bodies[0], reports=bodies)\n"
    )
    (station.add("two", "own.Two") / "a.log").write_bytes(b"x")
    station.run()
    reports = station.details().reports
    assert [report.serial_number for report in reports] == ["S1", "S2"]
    assert sorted(station.server.received) == sorted(report.report_id for report in reports)
    assert station.entry().report_count == 2


@pytest.mark.parametrize("action", ["move", "delete", "zip", "keep", "archive"])
def test_each_post_action_leaves_the_source_where_it_says(station: Station, action: str) -> None:
    """A source leaves the watch folder as its post action says, and stays in the archive (invariants 2, 3)."""
    watch = station.add("post", post_action=action)
    done = station.root / "post" / "Done"
    done.mkdir()
    (done / "a.log").write_bytes(b"another file of this name")
    (watch / "a.log").write_bytes(b"content")
    station.run()
    left = {"move": ["a.log", "a_2.log"], "zip": ["a.log", "a.log.zip"]}.get(action, ["a.log"])
    assert station.names("post/Done") == left
    assert (done / "a.log").read_bytes() == b"another file of this name"
    assert station.names("post/watch") == (["a.log"] if action == "keep" else [])
    if action == "zip":
        with zipfile.ZipFile(done / "a.log.zip") as packed:
            assert packed.read("a.log") == b"content"
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert restored.read_bytes() == b"content"


def test_a_kept_source_is_taken_once_and_again_when_it_changed(station: Station) -> None:
    """KEEP does not convert a source again at every start, but does when its content is new."""
    watch = station.add("kept", post_action="keep")
    (watch / "a.log").write_bytes(b"one")
    station.run()
    station.run()
    assert len(station.entries()) == 1
    (watch / "a.log").write_bytes(b"two and more")
    station.run()
    assert [entry.source_size_bytes for entry in station.entries()] == [3, 12]


def test_a_source_that_comes_back_is_converted_again_as_the_same_entry(station: Station) -> None:
    """A file moved back from Done is the same entry, with a second conversion and the same report id."""
    watch = station.add("again")
    (watch / "a.log").write_bytes(b"one")
    station.run()
    (station.root / "again/Done/a.log").rename(watch / "a.log")
    station.run()
    details = station.details()
    assert [conversion.attempt for conversion in details.conversions] == [1, 2]
    assert len({report.report_id for report in details.reports}) == 1


@pytest.mark.parametrize(
    "name",
    [
        "L" * 251 + ".log",
        "with\nnewline.log",
        "noextension",
        "ünï 試験.log",
        "-rf.log",
        "[x]{stem}*.log",
        os.fsdecode(b"\xff\xfe.log"),
    ],
    ids=["255-bytes", "newline", "no-extension", "unicode", "dash", "glob", "not-utf8"],
)
def test_any_name_goes_through_and_comes_back(station: Station, name: str) -> None:
    """Any name the operating system allows is archived, converted, moved and restored under itself."""
    watch = station.add("names", archive_companions=["{stem}.extra"])
    (watch / name).write_bytes(b"content")
    station.run()
    assert station.names("names/Done") == [name]
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert restored.name == name and restored.read_bytes() == b"content"


def test_an_empty_file_is_a_source(station: Station) -> None:
    """Zero bytes are archived and come back as zero bytes."""
    (station.add("empty") / "nothing.log").touch()
    station.run()
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert restored.read_bytes() == b""


def test_the_same_name_dropped_twice_keeps_both(station: Station) -> None:
    """A second file of the same name replaces nothing in Done (invariant 3)."""
    watch = station.add("twice")
    for content in (b"first", b"second"):
        (watch / "a.log").write_bytes(content)
        station.run()
    done = station.root / "twice" / "Done"
    assert (done / "a.log").read_bytes() == b"first"
    assert (done / "a_2.log").read_bytes() == b"second"
    assert len(station.entries()) == 2


def test_a_growing_file_is_taken_once_it_is_whole(station: Station) -> None:
    """A file that is appended to for three seconds, opened and closed each time, is archived whole, once."""
    watch = station.add("growing", settle_seconds=1)

    def grow() -> None:
        for _ in range(10):
            with (watch / "a.log").open("ab") as stream:
                stream.write(b"line\n")
            time.sleep(0.3)

    with station.serving():
        writer = threading.Thread(target=grow)
        writer.start()
        writer.join()
        wait_for(lambda: station.names("growing/Done"))
    assert station.entry().source_size_bytes == 50
    assert (station.root / "growing/Done/a.log").stat().st_size == 50


def test_a_folder_of_500_files_is_one_source(station: Station) -> None:
    """A folder is archived as a tar once its marker is there, converted, moved and restored file by file."""
    station.code(
        "class Folder(FolderConverter):\n"
        "    name = property(lambda self: 'Folder')\n"
        "    def convert(self, source, context):\n"
        "        os.unlink(source.folder_path / 'COMPLETE.marker')\n"
        "        count = len(source.get_files_by_pattern('part-*'))\n"
        "        body = {k: v for k, v in report(f'N{count}').items() if v is not None}\n"
        "        return ConverterResult.success_result(report=body)\n"
    )
    watch = station.add("folder", "own.Folder", converter_type="folder", post_action="archive")
    folder = watch / "UNIT 1"
    folder.mkdir()
    for number in range(500):
        (folder / f"part-{number}.txt").write_text(str(number))
    with station.serving():
        wait_for(station.arrivals)
        time.sleep(1)
        assert station.entries() == ()
        (folder / "COMPLETE.marker").touch()
        wait_for(lambda: not folder.exists())
    assert station.entry().serial_number == "N500"
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert len(list(restored.iterdir())) == 501
    assert (restored / "part-499.txt").read_text() == "499"


def test_a_suspended_source_waits_in_pending_and_is_retried(station: Station) -> None:
    """SUSPENDED sets the source aside in Pending; once its sibling is there, the retry succeeds."""
    station.code(
        "class RetryLater(Any):\n"
        "    def validate(self, source, context):\n"
        "        if not source.path.with_suffix('.limits').exists():\n"
        "            return ValidationResult.not_ready(['limits'], retry_after=timedelta(seconds=1))\n"
        "        return ValidationResult.perfect_match()\n"
    )
    watch = station.add("waits", "own.RetryLater", max_retries=50, file_patterns=["*.log"])
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.names("waits/Pending") == ["a.log"])
        assert station.entry().conversion_status is ConversionStatus.SUSPENDED
        (watch / "a.limits").write_bytes(b"limits")
        wait_for(lambda: station.names("waits/Done") == ["a.log"])
    assert station.entry().conversion_status is ConversionStatus.SUCCESS
    assert station.names("waits/Pending") == []


def test_a_source_suspended_for_ever_fails_after_its_retries(station: Station) -> None:
    """After ``max_retries`` retries a suspended source goes to Error, each attempt on record."""
    station.code(
        "class Never(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.suspended_result('not yet')\n"
    )
    (station.add("never", "own.Never", max_retries=2) / "a.log").write_bytes(b"x")
    station.run()
    assert [c.status.value for c in station.details().conversions] == ["SUSPENDED", "SUSPENDED", "FAILED"]
    assert station.names("never/Error") == ["a.log"]
    assert station.arrivals()[0].state.value == "failed"


@pytest.mark.parametrize(
    ("verdict", "status", "state"),
    [
        ("ValidationResult.no_match('not mine')", "SKIPPED", "skipped"),
        ("ValidationResult.good_match(0.1)", "REJECTED", "rejected"),
    ],
)
def test_what_a_converter_does_not_take_stays_where_it_lies(
    station: Station, verdict: str, status: str, state: str
) -> None:
    """SKIPPED and REJECTED sources are archived, stay in the watch folder, once, and count as what they are (invariant 12)."""
    station.code(f"class Picky(Any):\n    def validate(self, source, context):\n        return {verdict}\n")
    (station.add("picky", "own.Picky") / "a.log").write_bytes(b"x")
    station.run()
    station.run()
    assert station.entry().conversion_status.value == status
    assert station.names("picky/watch") == ["a.log"]
    assert [arrival.state.value for arrival in station.arrivals()] == [state]
    with Client([station.archive_root]) as client:
        told = client.status()
    assert told.agrees and [(a.came_in, a.by_state) for a in told.accounts] == [(1, {state: 1})]


def test_a_vanished_source_is_on_record(station: Station) -> None:
    """A file that was seen and gone before it could be archived is listed as vanished (invariant 12)."""
    watch = station.add("gone", settle_seconds=5)
    with station.serving():
        (watch / "a.log").write_bytes(b"x")
        wait_for(station.arrivals)
        (watch / "a.log").unlink()
        wait_for(lambda: station.arrivals()[0].state.value == "vanished")
    with station.archive() as archive, archive.read() as db:
        kinds = db.exec_driver_sql("SELECT kind FROM events").scalars().all()
    assert "source.vanished" in kinds


def test_without_an_archive_a_converter_works_and_touches_none(station: Station) -> None:
    """With ``archive_enabled`` false sources are converted, submitted and moved, and no archive is made."""
    watch = station.add("plain", archive_enabled=False)
    (watch / "a.log").write_bytes(b"x")
    assert station.run().waiting == ()
    assert station.names("plain/Done") == ["a.log"]
    assert len(station.server.received) == 1
    assert not station.archive_root.exists()


def test_a_scheduled_converter_runs_and_its_results_are_archived(station: Station) -> None:
    """Each result of a scheduled converter is an entry of its own, with its report at the server."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Polls(ScheduledConverter):\n"
        "    name = property(lambda self: 'Polls')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=3600))\n"
        "    async def run(self, context):\n"
        "        bodies = [{k: v for k, v in report(f'S{n}').items() if v is not None} for n in (1, 2)]\n"
        "        return [ConverterResult.success_result(report=b, metadata={'row': 1}) for b in bodies]\n"
    )
    station.add("polls", "own.Polls", converter_type="scheduled", run_on_startup=True)
    with station.serving():
        wait_for(lambda: len(station.server.received) == 2)
        wait_for(lambda: all(arrival.state.value == "done" for arrival in station.arrivals()))
    assert sorted(entry.serial_number or "" for entry in station.entries()) == ["S1", "S2"]


def test_a_legacy_converter_works(station: Station) -> None:
    """Converters on ConverterBase get their constructor's keywords and their settings."""
    station.code(
        "from pywats_client.converters.base import ConverterBase\n"
        "class Old(ConverterBase):\n"
        "    def __init__(self, prefix='none'):\n"
        "        super().__init__()\n"
        "        self.prefix = prefix\n"
        "    name = property(lambda self: 'Old')\n"
        "    supported_extensions = property(lambda self: ['.log'])\n"
        "    def convert_file(self, file_path, args):\n"
        "        sn = self.prefix + args.user_settings['suffix'] + file_path.stem\n"
        "        body = {k: v for k, v in report(sn).items() if v is not None}\n"
        "        return ConverterResult.success_result(report=body)\n"
    )
    watch = station.add("old", "own.Old", arguments={"prefix": "A-", "suffix": "B-"})
    (watch / "x.log").write_bytes(b"x")
    station.run()
    assert station.entry().serial_number == "A-B-x"


def test_hooks_are_called_after_post_processing(station: Station) -> None:
    """``on_success`` hears of a source once it has left the watch folder."""
    station.code(
        "class Hooked(Any):\n"
        "    def on_success(self, source, result, context):\n"
        "        told = f\"{source.path.exists()} {result.report['sn']}\"\n"
        "        (context.done_folder / 'told.txt').write_text(told)\n"
    )
    watch = station.add("hooked", "own.Hooked")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    assert (station.root / "hooked/Done/told.txt").read_text() == "False a"


def test_a_second_service_is_refused(station: Station) -> None:
    """An archive has one owner; another service is told who that is and changes nothing."""
    watch = station.add("owned")
    with station.serving():
        wait_for((station.archive_root / "metadata.db").exists)
        time.sleep(0.2)
        me = rf"another pywats-archive process \({os.getpid()} on {re.escape(platform.node())}, since 20"
        with pytest.raises(ArchiveInUse, match=me):
            Archive.open(station.archive_root, own=True)
        (watch / "a.log").write_bytes(b"x")
        wait_for(lambda: station.names("owned/Done") == ["a.log"])


def test_an_archive_that_fails_holds_the_source(station: Station) -> None:
    """With ``on_archive_error`` hold the source waits where it is, and goes on by itself later (invariant 11)."""
    watch = station.add("held")
    station.run()
    (watch / "a.log").write_bytes(b"x")
    blocked = block_today(station.archive_root)
    left = station.run()
    assert any("a.log" in line for line in left.waiting)
    assert station.names("held/watch") == ["a.log"] and station.server.received == {}
    blocked.unlink()
    assert station.run().waiting == ()
    assert station.names("held/Done") == ["a.log"]


def test_an_archive_that_fails_is_caught_up_with(station: Station) -> None:
    """With ``on_archive_error`` continue the source is converted, kept in Done, and archived later (invariant 11)."""
    watch = station.add("on", on_archive_error="continue", post_action="delete")
    station.run()
    (watch / "a.log").write_bytes(b"precious")
    blocked = block_today(station.archive_root)
    station.run()
    assert len(station.server.received) == 1
    assert [path.name for path in (station.root / "on/Done/not-archived").glob("*/source/*")] == ["a.log"]
    blocked.unlink()
    station.run()
    assert station.names("on/Done") == ["a.log", "not-archived"] and station.names("on/Done/not-archived") == []
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert restored.read_bytes() == b"precious"
    assert station.entry().conversion_status is ConversionStatus.SUCCESS
    assert len(station.server.received) == 1


def block_today(root: Path) -> Path:
    """Make the archive fail as a full disk does: a file lies where its sources' folder is to be."""
    blocked = root / "sources"
    if blocked.is_dir():
        blocked.rename(root / "sources-before")
    blocked.write_bytes(b"")
    return blocked


def test_the_recorded_parameters_are_those_of_the_moment(station: Station) -> None:
    """Each conversion keeps the converter's arguments and its effective configuration."""
    watch = station.add("told", arguments={"greeting": "hi"}, compression_level=9)
    (watch / "a.log").write_bytes(b"x")
    station.run()
    (conversion,) = station.details().conversions
    assert conversion.parameters == {"greeting": "hi"}
    assert conversion.configuration["compression_level"] == 9
    assert conversion.code_fingerprint.startswith("sha256:")
    assert json.dumps(conversion.configuration)
