"""The way of one source through the service, to each of its ends."""

from __future__ import annotations

import json
import os
import threading
import time
import zipfile

import pytest
from tests.station import Station, wait_for

from pywats_archive.archive.restore.source import restore_source
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
    bad = station.add("bad", "own.Bad", timeout_seconds=1 if told == "longer than 1 s" else 60)
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
    watch = station.add("growing", settle_seconds=3)

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
