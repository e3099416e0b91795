"""The end of the pages with answers in progress: in order, at once, and without a word."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import Pages

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.archive.sources import ingest
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.query import EntryFilter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lock of a run, and POSIX signals")
STREAMS = 20


@contextmanager
def started(root: Path) -> Iterator[tuple[Pages, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "pywats_archive", "web", "--port", "0", "--archive", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Pages(sign_in=process.stdout.readline().strip()), process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with a run that goes on."""
    fill(tmp_path)
    with Archive.open(tmp_path / "archive", own=True) as archive:
        runs.begin(
            archive,
            ReplayRequest(),
            [entry.archive_id for entry in archive.find(EntryFilter(), limit=10).items],
            actor="tester",
        )
    return tmp_path / "archive"


class Stream(threading.Thread):
    """A browser that follows a run."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(daemon=True)
        self._address, self._headers = f"{address}/api/v1/runs/1/events", {"Authorization": f"Bearer {token}"}
        self.is_open = threading.Event()
        self.end = ""
        self.start()

    def run(self) -> None:
        try:
            with httpx.stream("GET", self._address, headers=self._headers, timeout=PATIENCE_S) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        self.is_open.set()
            self.end = "in order"
        except httpx.HTTPError as exc:
            self.end = repr(exc)


def test_open_streams_end_in_order_when_the_pages_are_stopped(root: Path) -> None:
    """None is cut off, and nothing is printed: a stream that did not look at the stop would end with an error."""
    with Archive.open(root) as archive, runs.reprocessing(archive), started(root) as (served, process):
        streams = [Stream(served.address, served.token) for _ in range(STREAMS)]
        assert all(each.is_open.wait(PATIENCE_S) for each in streams)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
        for each in streams:
            each.join(PATIENCE_S)
        assert [each.end for each in streams] == ["in order"] * STREAMS
        assert (process.returncode, errors) == (0, "")


def test_downloads_that_nobody_reads_do_not_hold_up_the_stop(root: Path) -> None:
    """A browser may be asleep; the pages end without it, and without a word."""
    large = root.parent / "large.bin"
    large.write_bytes(random.Random(1).randbytes(1_000_000) * 30)
    with Archive.open(root, own=True) as archive:
        entry = ingest.archive_source(archive, ingest.NewSource(path=large, converter_name="C"))
    with started(root) as (served, process), ExitStack() as stack:
        host, _, port = served.address.rpartition("//")[2].partition(":")
        place = f"/api/v1/entries/{entry.archive_id}/source"
        for _ in range(3):
            reader = stack.enter_context(socket.create_connection((host, int(port))))
            reader.sendall(
                f"GET {place} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
            )
            assert reader.recv(1000).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
