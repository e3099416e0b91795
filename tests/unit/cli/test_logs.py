"""The log: whatever becomes of where it goes, whoever logs neither fails nor waits."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.station import PATIENCE_S, wait_for

from pywats_archive.cli.logs import LogStream, explained, rendered
from pywats_archive.cli.streams import raw_writer

FULL = Path("/dev/full")


class Target:
    """Where lines go; it may fail, or block until it is let go."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, text: str) -> None:
        self.gate.wait(PATIENCE_S)
        if self.error:
            raise self.error
        self.texts.append(text)

    @property
    def lines(self) -> list[str]:
        return "".join(self.texts).splitlines()


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left"), ValueError("closed file"), MemoryError()],
)
def test_lines_that_cannot_be_written_are_counted(error: Exception) -> None:
    """A broken pipe, a full disk, a closed stream: the count comes with the next line that can be written."""
    target = Target()
    log = LogStream(target)
    log.write("first\n")
    wait_for(lambda: target.lines == ["first"])
    target.error = error
    for _ in range(3):
        log.write("lost\n")
        wait_for(lambda: not log._waiting)
    wait_for(lambda: log._lost == 3)
    target.error = None
    log.write("last\n")
    log.close()
    assert target.lines[0] == "first" and target.lines[-1] == "last"
    assert json.loads(target.lines[1])["lines"] == 3 and len(target.lines) == 3


def test_nobody_waits_for_a_target_that_blocks() -> None:
    """A pipe that nobody reads, or a console in which text is selected, costs lines, not time or memory."""
    target = Target()
    target.gate.clear()
    log = LogStream(target, most_chars=100)
    for number in range(1000):
        log.write(f"line {number}\n")
    log.close(timeout_s=0.1)
    assert log._chars < 200
    target.gate.set()
    log.close(timeout_s=30)
    kept = [line for line in target.lines if not line.startswith("{")]
    lost = [json.loads(line)["lines"] for line in target.lines if line.startswith("{")]
    assert kept[0] == "line 0" and lost and len(kept) + sum(lost) == 1000


def test_lines_keep_their_order_and_none_is_missing() -> None:
    """Many threads log at once; each one's lines stay in order, and closing waits for all."""
    target = Target()
    log = LogStream(target)

    def tell(name: str) -> None:
        for number in range(200):
            log.write(f"{name} {number}\n")

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    for name in "abc":
        assert [line for line in target.lines if line[0] == name] == [f"{name} {n}" for n in range(200)]


@pytest.mark.skipif(not FULL.exists(), reason="has no /dev/full")
def test_a_full_disk_leaves_nothing_that_fails_at_the_end() -> None:
    """What could not be written is not kept in the stream's own buffer, where it would fail again as the process ends."""
    program = (
        "import sys, structlog; from pywats_archive.cli import logs; log = logs.configure()\n"
        "structlog.get_logger().info('a'); log.close()"
    )
    with FULL.open("w") as full:
        assert subprocess.run([sys.executable, "-c", program], stderr=full, check=False).returncode == 0


def test_a_stream_without_a_file_is_written_to_as_it_is() -> None:
    """Standard error may be replaced by another stream, or be missing altogether."""
    text = io.StringIO()
    raw_writer(text)("a\n")
    raw_writer(None)("b\n")
    assert text.getvalue() == "a\n"


def test_what_an_encoding_lacks_is_written_in_escapes(tmp_path: Path) -> None:
    """A console of another code page gets every line."""
    with (tmp_path / "log").open("w", encoding="cp1252") as stream:
        raw_writer(stream)("\u4e2d \udce4 ä\n")
    assert (tmp_path / "log").read_bytes() == b"\\u4e2d \\udce4 \xe4" + os.linesep.encode()[-1:]


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("a\nb"), "ValueError", "a\nb"),
        (KeyError("k"), "KeyError", "'k'"),
        (Mute(), "Mute", "(its message cannot be read)"),
    ],
)
def test_an_error_is_told_with_type_message_and_traceback(error: Exception, kind: str, message: str) -> None:
    """A log in JSON says more of an unexpected error than that there was one."""
    caught = raised(error)
    for given in (caught, (type(caught), caught, caught.__traceback__)):
        told = json.loads(rendered(explained(None, "error", {"event": "e", "exc_info": given})))
        assert (told["error_type"], told["error_message"]) == (kind, message)
        assert "raise error" in told["traceback"] and "exc_info" not in told


def test_the_error_at_hand_is_meant_by_exc_info_true() -> None:
    """As ``log.exception`` gives it; without an error there are no such fields."""
    try:
        raise LookupError("here")
    except LookupError:
        assert explained(None, "error", {"exc_info": True})["error_message"] == "here"
    assert dict(explained(None, "error", {"exc_info": True, "event": "e"})) == {"event": "e"}


@pytest.mark.parametrize("value", [object(), {("a", 1): 2}, "\udce4", float("nan"), b"\xff"])
def test_any_value_can_be_logged(value: Any) -> None:
    """A field that is no JSON costs itself at most, and nobody who logs."""
    assert json.loads(rendered({"event": "e", "field": value}))["event"] == "e"
