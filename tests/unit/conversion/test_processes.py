"""Real worker processes: started, ended from outside, stopped, slow."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import spawn
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, wait_for
from tests.unit.host.bench import Bench

from pywats_archive.conversion.pool import workers
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import ConversionInterrupted, WorkersUnavailable
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.worker import entry
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"), pytest.mark.spawned]

WAITS = """
import time
from pathlib import Path
here = Path(r"{folder}")
(here / f"began-{{os.getpid()}}").touch()
{more}
while not (here / "go").exists():
    time.sleep(0.02)
return ConverterResult.success_result(report=REPORT)
"""
CHILD = """
child = subprocess.run(["sh", "-c", f"until [ -e '{folder}/go' ]; do sleep 0.05; done"])
if child.returncode:
    return ConverterResult.failed_result(f"the tool ended with {{child.returncode}}")
"""


class Waiting:
    """A converter that waits for a file; what each conversion began is known by its process."""

    def __init__(self, bench: Bench, more: str = "") -> None:
        self.folder = bench.folder
        self.job: ConversionJob = bench.converting(
            WAITS.format(folder=self.folder, more=more.format(folder=self.folder))
        )

    def began(self) -> set[int]:
        return {int(path.name[6:]) for path in self.folder.glob("began-*")}

    def go(self) -> None:
        (self.folder / "go").touch()


@contextmanager
def converting(processes: ConverterProcesses, job: ConversionJob) -> Iterator[Callable[[], ConversionResult]]:
    """Convert in another thread meanwhile; gives what waits for the result."""
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(processes.convert, job, timeout_s=PATIENCE_S)
        yield lambda: future.result(PATIENCE_S)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_to_the_whole_group_fails_no_conversion(bench: Bench, name: str) -> None:
    """A worker process goes on whatever stops the service, and gives its result (invariant 15)."""
    waiting = Waiting(bench)
    with ConverterProcesses(1) as processes, converting(processes, waiting.job) as result:
        (pid,) = wait_for(waiting.began)
        os.kill(pid, signal.Signals[name])
        waiting.go()
        assert result().status is ConversionStatus.SUCCESS
    assert waiting.began() == {pid}


def test_a_signal_that_comes_as_a_process_starts_does_not_end_it(bench: Bench) -> None:
    """A process has its handlers only after a while; until then the signal waits (invariant 15)."""
    with ConverterProcesses(1) as processes, converting(processes, bench.converting("return 1")) as result:
        (process,) = wait_for(lambda: processes._workers.all)
        os.kill(process.pid, signal.SIGTERM)
        assert result().error == "the converter returned int, not a ConverterResult"
        assert processes._workers.all == {process}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_converter_started_may_end_by_the_signal(bench: Bench) -> None:
    """A tool that is ended with the group makes its converter fail; that is no result, and done again (invariant 15)."""
    waiting = Waiting(bench, CHILD)
    with ConverterProcesses(1) as processes, converting(processes, waiting.job) as result:
        (pid,) = wait_for(waiting.began)
        (child,) = wait_for(lambda: _children(pid))
        os.kill(pid, signal.SIGTERM)
        os.kill(child, signal.SIGTERM)
        wait_for(lambda: _children(pid) - {child})
        waiting.go()
        assert result().status is ConversionStatus.SUCCESS


def test_a_worker_that_is_killed_is_no_result_when_the_service_stops(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the service learns of it a moment later than its worker (invariant 15)."""
    monkeypatch.setattr("pywats_archive.conversion.pool.processes.GRACE_S", PATIENCE_S)
    waiting, stopping = Waiting(bench), threading.Event()
    with (
        ConverterProcesses(1, stopping=stopping) as processes,
        converting(processes, waiting.job) as result,
    ):
        (pid,) = wait_for(waiting.began)
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        stopping.set()
        with pytest.raises(ConversionInterrupted):
            result()


def test_a_worker_that_crashes_while_the_service_stops_is_no_result(bench: Bench) -> None:
    """Whatever its exit code: the next start finds out (invariant 15)."""
    stopping = threading.Event()
    stopping.set()
    with ConverterProcesses(1) as processes:
        processes.run(entry.validate_only, bench.converting("os.abort()"), timeout_s=PATIENCE_S)
        processes._stopping._stopping = stopping
        with pytest.raises(ConversionInterrupted):
            processes.convert(bench.job("own.Own"), timeout_s=PATIENCE_S)


def test_a_worker_that_is_killed_from_outside_is_replaced_once(bench: Bench) -> None:
    """The system's memory killer may have meant another one; the second time it is the source's failure."""
    waiting = Waiting(bench)
    with ConverterProcesses(1) as processes, converting(processes, waiting.job) as result:
        (pid,) = wait_for(waiting.began)
        os.kill(pid, signal.SIGKILL)
        (again,) = wait_for(lambda: waiting.began() - {pid})
        os.kill(again, signal.SIGKILL)
        failed = result()
    assert failed.status is ConversionStatus.FAILED and failed.error
    assert failed.error.endswith("ended by itself (signal 9)")


def test_an_idle_worker_that_ends_is_replaced(bench: Bench) -> None:
    """Nobody notices, and no source fails for it."""
    with ConverterProcesses(1) as processes:
        for _ in range(3):
            result = processes.convert(
                bench.converting("return ConverterResult.success_result(report={'pid': os.getpid()})"),
                timeout_s=PATIENCE_S,
            )
            assert result.status is ConversionStatus.SUCCESS
            (process,) = processes._workers.all
            os.kill(process.pid, signal.SIGKILL)
            wait_for(lambda process=process: not process.is_alive)  # type: ignore[misc]


@pytest.mark.parametrize("then", ["time.sleep(60)", "raise SystemExit", "os._exit(4)"])
def test_a_converter_that_closes_what_it_did_not_open_fails_soon(bench: Bench, then: str) -> None:
    """It cannot give its result any more; nobody waits for it, and the next one finds a process."""
    closing = bench.converting(f"import time; os.closerange(3, 200); {then}")
    with ConverterProcesses(1) as processes:
        failed = processes.convert(closing, timeout_s=PATIENCE_S)
        assert failed.status is ConversionStatus.FAILED and failed.duration_ms < 30_000
        good = bench.converting("return ConverterResult.success_result(report=REPORT)")
        assert processes.convert(good, timeout_s=PATIENCE_S).status is ConversionStatus.SUCCESS


def test_closing_interrupts_what_runs(bench: Bench) -> None:
    """Whoever waits learns of it at once, and no process is left."""
    waiting = Waiting(bench)
    with ConverterProcesses(1) as processes, converting(processes, waiting.job) as result:
        wait_for(waiting.began)
        processes.close()
        with pytest.raises(ConversionInterrupted):
            result()
    with pytest.raises(ConversionInterrupted):
        processes.convert(waiting.job, timeout_s=PATIENCE_S)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_changes_no_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    """A good conversion is not ended, a hanging one is, and the error agrees with the recorded duration."""
    real = time.time
    bench.code("""
import time
class Slow(FileConverter):
    name = property(lambda self: "Slow")
    def convert(self, source, context):
        time.sleep(context.get_argument("seconds"))
        return ConverterResult.success_result(report=REPORT)
""")
    good, hanging = (bench.job("own.Slow", arguments={"seconds": seconds}) for seconds in (2.0, 60.0))
    with ConverterProcesses(2) as processes, ThreadPoolExecutor(2) as threads:
        for job in (good, good):
            processes.run(entry.validate_only, job, timeout_s=PATIENCE_S)
        ends = threads.submit(processes.convert, good, timeout_s=PATIENCE_S)
        hangs = threads.submit(processes.convert, hanging, timeout_s=1.2)
        time.sleep(0.7)
        monkeypatch.setattr(time, "time", lambda: real() + step_s)
        hung = hangs.result(PATIENCE_S)
        assert ends.result(PATIENCE_S).status is ConversionStatus.SUCCESS
    assert hung.error == "the converter ran longer than 1.2 s and was ended"
    assert 1200 <= hung.duration_ms < 1_000_000


@contextmanager
def interpreter(path: Path | str) -> Iterator[None]:
    """Have another program started for worker processes meanwhile."""
    before = spawn.get_executable()
    spawn.set_executable(str(path))
    try:
        yield
    finally:
        spawn.set_executable(before)


def test_processes_that_cannot_be_started_are_told_and_tried_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that may not be executed, or ends at once, is an error soon; once it works nothing is left of that."""
    monkeypatch.setattr(workers, "REST_S", 0.0)
    forbidden = tmp_path / "python"
    forbidden.write_text("")
    job = bench.converting("return ConverterResult.success_result(report=REPORT)")
    with ConverterProcesses(2) as processes:
        for program, why in ((forbidden, "cannot be executed"), ("/bin/false", "")):
            with interpreter(program), pytest.raises(WorkersUnavailable, match=f"can be started.*{why}"):
                processes.convert(job, timeout_s=PATIENCE_S)
            assert processes.trouble and why in processes.trouble
        wait_for(lambda: (processes.revive(), processes.trouble is None)[1])  # type: ignore[func-returns-value]
        assert processes.convert(job, timeout_s=PATIENCE_S).status is ConversionStatus.SUCCESS


def test_a_process_that_does_not_come_up_is_given_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for it has a limit, and ends when the service stops."""
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    stopping = threading.Event()
    job = bench.converting("return 1")
    with ConverterProcesses(1, stopping=stopping) as processes, interpreter(hanging):
        with monkeypatch.context() as patched:
            patched.setattr(workers, "START_S", 0.5)
            with pytest.raises(WorkersUnavailable, match="not ready within"):
                processes.convert(job, timeout_s=PATIENCE_S)
        processes._workers._rest_until_s = 0.0
        monkeypatch.setattr(workers, "START_S", 600.0)
        threading.Timer(0.3, stopping.set).start()
        began_s = time.monotonic()
        with pytest.raises(ConversionInterrupted):
            processes.convert(job, timeout_s=PATIENCE_S)
        assert time.monotonic() - began_s < PATIENCE_S


def _children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
