"""Whatever a converter does, it does to its own file alone, and the source is safe."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.archive.restore.source import restore_source
from pywats_archive.models.entry import ConversionStatus

pytestmark = pytest.mark.spawned

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
NAP = 1000 + os.getpid()
"""Seconds; by this value the processes of this test process are distinguished from others."""
CONTENT = b"the only copy\n" * 100

_WILD = """
import ctypes, signal, subprocess, threading

class Wild(Any):
    def outcome(self, source, context):
        if source.path.stem != "wild":
            return super().outcome(source, context)
        path = source.path
        {body}
        return super().outcome(source, context)
"""

_SCRIPT = """
import sys
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""
"""What an installer writes for a command; each worker process loads it, too."""

_WITH_MODULES = """
class Modules(Any):
    def outcome(self, source, context):
        loaded = [name for name in ("typer", "structlog", "sqlalchemy") if name in sys.modules]
        return ConverterResult.success_result(report={**report(source.path.stem), "id": "1", "misc": " ".join(loaded)})
"""

_FAILED = {
    "hang": ("time.sleep(60)", "longer than 3 s"),
    "exit 0": ("os._exit(0)", "exit code 0"),
    "exit 3": ("os._exit(3)", "exit code 3"),
    "sys.exit": ("sys.exit(3)", "SystemExit: 3"),
    "segfault": ("ctypes.string_at(0)", "signal 11"),
    "abort": ("os.abort()", "signal 6"),
    "memory": ("all = [bytearray(10**7) for n in range(10**6)]", "exceeded its memory limit"),
    "much at once": ("bytearray(10**12)", "exceeded its memory limit"),
    "recursion": ("(lambda f: f(f))(lambda f: f(f))", "RecursionError"),
    "mute exception": (
        "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()",
        "its message cannot be read",
    ),
    "long exception": ("raise ValueError('x' * 10**8)", "ValueError: xxx"),
    "generator exit": ("raise GeneratorExit", "GeneratorExit"),
    "no result": ("return lambda: 1", "not a ConverterResult"),
    "own alarm": ("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", "longer than 3 s"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="names POSIX signals")
@pytest.mark.parametrize("name", _FAILED)
def test_what_a_converter_does_to_itself_fails_its_own_file(station: Station, name: str) -> None:
    """Its file is FAILED with the reason and lies in Error, whole; the others go through, in new processes."""
    body, told = _FAILED[name]
    station.code(_WILD.replace("{body}", body))
    timeout_s = 3 if told == "longer than 3 s" else 60
    watch = station.add("wild", "own.Wild", timeout_seconds=timeout_s, memory_limit_mb=400)
    for each in ("a", "wild", "z"):
        (watch / f"{each}.log").write_bytes(CONTENT)
    station.run()
    assert station.names("wild/Error") == ["wild.log"] and station.names("wild/Done") == ["a.log", "z.log"]
    assert (station.root / "wild/Error/wild.log").read_bytes() == CONTENT
    (entry,) = station.entries(status=ConversionStatus.FAILED)
    assert entry.conversion_error and told in entry.conversion_error
    assert len(entry.conversion_error) < 3000


_SUFFERED = {
    "prints": "print('x' * 10**7); sys.stderr.write('y' * 10**7); os.write(1, b'x' * 10**6); os.write(2, b'y' * 10**6)",
    "child prints": "subprocess.run([sys.executable, '-c', 'print(1); import sys; print(2, file=sys.stderr)'])",
    "changes folder": "os.chdir('/')",
    "spoils the process": (
        "os.environ['PATH'] = 'gone'; os.umask(0o777); sys.setrecursionlimit(60); sys.path.clear(); "
        "signal.signal(signal.SIGALRM, lambda *a: None)"
    ),
    "closes files": "[os.close(n) for n in (0, 1, 2)]",
}


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX calls")
@pytest.mark.parametrize("name", _SUFFERED)
def test_what_a_converter_does_to_its_process_is_undone(
    station: Station, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its own conversion succeeds, nothing is printed, and the next one finds a process as the first did."""
    station.code(_WILD.replace("{body}", _SUFFERED[name]))
    watch = station.add("wild", "own.Wild")
    for each in ("a", "wild", "z"):
        (watch / f"{each}.log").write_bytes(CONTENT)
    station.run()
    assert station.names("wild/Done") == ["a.log", "wild.log", "z.log"]
    assert len(capfd.readouterr().out) < 20_000


@linux
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("threading.Thread(target=time.sleep, args=[61]).start()", "1 thread running"),
        ("threading.Thread(target=time.sleep, args=[61], daemon=True).start()", "1 thread running"),
        (f"subprocess.Popen(['sleep', '{NAP}'])", "1 process running"),
        (f"subprocess.run('setsid sleep {NAP} & setsid sleep {NAP} &', shell=True)", "2 processes running"),
    ],
    ids=["thread", "daemon thread", "child", "daemons"],
)
def test_what_a_converter_leaves_running_is_ended_and_told(station: Station, body: str, told: str) -> None:
    """A report that is complete counts; what was left running is a warning, and gone."""
    before = _sleepers()
    station.code(_WILD.replace("{body}", body))
    watch = station.add("wild", "own.Wild")
    for each in ("wild", "z"):
        (watch / f"{each}.log").write_bytes(CONTENT)
    station.run()
    assert station.names("wild/Done") == ["wild.log", "z.log"]
    (warned,) = (entry.warnings for entry in station.entries() if entry.source_original_path.endswith("wild.log"))
    assert any(told in warning for warning in warned)
    assert not _sleepers() - before


@linux
def test_what_a_hanging_converter_started_ends_with_it(station: Station) -> None:
    """The time limit ends the converter's processes as well."""
    before = _sleepers()
    station.code(_WILD.replace("{body}", f"subprocess.run(['sleep', '{NAP}'])"))
    watch = station.add("wild", "own.Wild", timeout_seconds=2)
    (watch / "wild.log").write_bytes(CONTENT)
    station.run()
    assert station.names("wild/Error") == ["wild.log"]
    assert not _sleepers() - before


@linux
def test_nothing_outlives_a_service_that_is_killed(station: Station) -> None:
    """After SIGKILL of the service no worker, and nothing that one started, goes on."""
    before = _sleepers()
    station.code(_WILD.replace("{body}", f"subprocess.run(['sleep', '{NAP}'])"))
    watch = station.add("wild", "own.Wild")
    (watch / "wild.log").write_bytes(CONTENT)
    command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(station.write_config())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as service:
        sleeping = wait_for(lambda: _sleepers() - before)
        workers = {parent for pid in sleeping for parent in [_parent(pid)]}
        service.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in sleeping | workers))


def test_a_worker_process_has_no_modules_of_the_command(station: Station) -> None:
    """A worker process of the installed command loads what its converter needs, and no module of the command itself."""
    settings = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    (entry,) = re.findall(r'^pywats-archive = "(.*)"', settings, re.MULTILINE)
    module, _, function = entry.partition(":")
    script = station.root / "pywats-archive"
    script.write_text(_SCRIPT.format(module=module, function=function))
    station.code(_WITH_MODULES)
    (station.add("modules", "own.Modules") / "SN1.log").write_bytes(CONTENT)
    words = ["run", "--until-idle", "--processes", "1", "--config", str(station.write_config())]
    subprocess.run([sys.executable, str(script), *words], check=True, timeout=PATIENCE_S)
    ((body,),) = station.server.received.values()
    assert json.loads(body)["misc"] == ""


_ON_INPUT = {
    "deletes it": "path.unlink()",
    "truncates it": "path.write_bytes(b'')",
    "overwrites it": "path.write_bytes(b'something else')",
    "renames it": "path.rename(path.with_suffix('.old'))",
    "deletes its folder": "import shutil; shutil.rmtree(path.parent)",
}


@pytest.mark.parametrize("action", ["move", "delete", "archive"])
@pytest.mark.parametrize("name", _ON_INPUT)
def test_whatever_a_converter_does_to_its_input_loses_nothing(station: Station, name: str, action: str) -> None:
    """The archive holds the bytes from before the conversion, and they come back; its report is sent (invariant 1)."""
    station.code(_WILD.replace("{body}", _ON_INPUT[name]))
    watch = station.add("wild", "own.Wild", file_patterns=["*.log"], post_action=action)
    (watch / "wild.log").write_bytes(CONTENT)
    station.run()
    with station.archive() as archive:
        contents = {
            restore_source(archive, e.archive_id, station.root / "back").read_bytes() for e in station.entries()
        }
    assert CONTENT in contents
    assert len(station.server.received) >= 1
    if action == "move" and name not in ("truncates it", "overwrites it"):
        assert all((station.root / "wild/Done" / n).read_bytes() == CONTENT for n in station.names("wild/Done"))


def _sleepers() -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x00%d\x00" % NAP:
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
