"""What all tests share: stations to run, real samples where they are, and an archive that must be sound in the end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from pywats_archive import redaction
from pywats_archive.catalog import migrations
from pywats_archive.conversion.pool import worker_process
from tests import new_catalogs
from tests.faults.table import table
from tests.real_files import SAMPLES
from tests.seaweed import Seaweed, running
from tests.station import Station, check_sound
from tests.timing import timed as timed  # noqa: PLC0414 (a fixture)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process that a test starts would compile every module again
sys.dont_write_bytecode = False
os.environ.setdefault("PYWATS_ARCHIVE_LOG_FORMAT", "json")  # tests read the log of services that they start

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # by default, an example that takes longer than 0.2 s fails

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a shell; the processes of tests inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def samples() -> Path:
    """The folder of real log files; tests that need it are skipped where it is not."""
    if not SAMPLES.is_dir():
        pytest.skip("the real log files are not here")
    return SAMPLES


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with a loopback server; its archive is checked in the end."""
    with Station(tmp_path / "station") as made:
        yield made
    check_sound(made.archive_root)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A server for buckets; each test uses a prefix of its own."""
    with running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip on Windows what is marked ``posix``, with the reason that the mark names."""
    marker = item.get_closest_marker("posix")
    if marker and sys.platform == "win32":
        pytest.skip(f"POSIX: {marker.args[0]}")


@pytest.fixture(autouse=True)
def warm_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes start fast, but in tests that are marked ``spawned``."""
    if sys.platform == "linux" and not request.node.get_closest_marker("spawned"):
        from tests.warm import WarmContext  # noqa: PLC0415 (forks)

        monkeypatch.setattr(worker_process, "_SPAWN", WarmContext)


@pytest.fixture(autouse=True)
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no secret of one test be removed from the texts of another."""
    monkeypatch.setattr(redaction, "_KNOWN", redaction._Known())


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test say where the log of another goes; a logger that is cached would go there for good."""
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False}))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def quick_catalogs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new catalogs be made fast, but in tests that are marked ``migrated``."""
    if not request.node.get_closest_marker("migrated"):
        monkeypatch.setattr(migrations, "upgrade", new_catalogs.upgrade)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what the fault harness tried; a scenario with a failed test shows among the failures instead."""
    lines = list(table(terminalreporter.stats.get("passed", ())))
    if lines:
        terminalreporter.section("what went wrong, and lost nothing")
    for line in lines:
        terminalreporter.write_line(line)
