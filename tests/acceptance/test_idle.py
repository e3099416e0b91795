"""``run --until-idle`` ends with 0 only when nothing is left that memory alone holds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from tests.command import command
from tests.station import Station, block_today

from pywats_archive.archive.core import Archive


def test_a_source_that_cannot_leave_is_told_without_an_archive(station: Station) -> None:
    """A source that was sent and cannot be moved is reported, since the next run would send it again (invariant 12)."""
    watch = station.add("stuck", archive_enabled=False)
    (watch / "a.log").write_bytes(b"x")
    (station.root / "stuck/Done").write_bytes(b"a file where a folder should be")
    (left,) = station.run().waiting
    assert "a.log" in left and "Done" in left


def test_a_scheduled_result_that_no_archive_took_is_told(station: Station) -> None:
    """A result that is only in memory is named as left when a run ends (invariant 11)."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Once(ScheduledConverter):\n"
        "    name = property(lambda self: 'Once')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=3600))\n"
        "    async def run(self, context):\n"
        "        body = {k: v for k, v in report('S1').items() if v is not None}\n"
        "        return [ConverterResult.success_result(report=body)]\n"
    )
    station.add("once", "own.Once", converter_type="scheduled", run_on_startup=True)
    Archive.open(station.archive_root, create=True).close()
    blocked = block_today(station.archive_root)
    (left,) = station.run().waiting
    blocked.unlink()
    assert "once" in left and "result" in left


@pytest.mark.parametrize("archive_enabled", [True, False])
def test_a_run_tells_how_its_sources_ended(station: Station, archive_enabled: bool) -> None:
    """A line counts them, and the exit code says that one failed."""
    station.code(
        "class Bad(Any):\n    def outcome(self, source, context):\n        raise ValueError('no header line')\n"
    )
    good = station.add("good", archive_enabled=archive_enabled)
    bad = station.add("bad", "own.Bad", archive_enabled=archive_enabled)
    for number in range(2):
        (good / f"{number}.log").write_bytes(b"x")
    (bad / "b.log").write_bytes(b"x")
    config = station.write_config()
    first = command("run", "--config", config, "--processes", "1", "--until-idle")
    assert (first.returncode, first.stdout) == (1, "Sources: 2 done, 1 failed.\n")
    again = command("run", "--config", config, "--processes", "1", "--until-idle", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, {"schema": 1, "waiting": [], "ended": {}})


def test_a_run_in_which_nothing_ends_tells_what_waits(station: Station) -> None:
    """ "None ended" is no answer while a source waits."""
    station.add("ict")
    words = ("run", "--config", station.write_config(), "--processes", "1", "--until-idle", "-q")
    assert "Sources" not in command(*words).stdout
    assert command(*words[:-1]).stdout.endswith("Sources: none ended, none is waiting.\n")
    (station.add("gone", "own.Missing") / "1.log").write_bytes(b"x")
    station.write_config()
    answer = command(*words[:-1])
    assert answer.returncode == 1 and "1 source(s) wait to be converted" in answer.stdout
    assert answer.stdout.endswith("Sources: none ended. What is still waiting is listed above.\n")


@pytest.mark.posix("SIGTERM ends a program at once on Windows")
def test_a_run_that_is_interrupted_does_not_say_that_nothing_waits(station: Station) -> None:
    """A report waits for a server that does not answer, and nobody looked at what else waits."""
    (station.add("ict") / "1.log").write_bytes(b"x")
    station.server.stop()
    words = ["run", "--config", str(station.write_config()), "--until-idle", "--log-format", "json"]
    program = [sys.executable, "-m", "pywats_archive", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout and run.stderr
        assert any("outbox.pauses" in line for line in run.stderr)
        run.send_signal(signal.SIGTERM)
        run.stderr.read()
        assert run.stdout.read() == "Sources: none ended. 'pywats-archive status' shows what is waiting.\n"
