"""Messages over a pipe: whole, in order, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_archive.host.worker import messages


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    reader, writer = multiprocessing.Pipe(duplex=False)
    with reader, writer:
        yield reader, writer


def _send_all(writer: Connection, all_of_them: list[bytes]) -> None:
    for each in all_of_them:
        messages.send(writer, each)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 300_000), max_size=5))
def test_messages_come_whole_and_in_order(lengths: list[int]) -> None:
    """Whatever is longer than a pipe holds comes in several turns, and as it was sent."""
    sent = [bytes([number]) * length for number, length in enumerate(lengths)]
    reader, writer = multiprocessing.Pipe(duplex=False)
    with reader, writer:
        sending = threading.Thread(target=_send_all, args=(writer, sent))
        sending.start()
        assert [bytes(messages.receive(reader)) for _ in sent] == sent
        sending.join()


def test_the_end_of_the_other_side_is_no_message(pipe: tuple[Connection, Connection]) -> None:
    """Whoever waits learns that nobody sends any more, whether a message had begun or not."""
    reader, writer = pipe
    if sys.platform != "win32":
        os.write(writer.fileno(), b"\x05")
    writer.close()
    with pytest.raises(EOFError):
        messages.receive(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="its pipes know where a message ends")
def test_what_else_is_written_to_the_pipe_takes_no_memory(pipe: tuple[Connection, Connection]) -> None:
    """A converter that writes to a descriptor that is not its own does not make the service ask for all memory."""
    reader, writer = pipe
    os.write(writer.fileno(), b"converted 3 files\n")
    with pytest.raises(OSError, match="is too long"):
        messages.receive(reader)


def test_nobody_reads_any_more(pipe: tuple[Connection, Connection]) -> None:
    """A worker whose service is gone learns of it by an error, and not by a signal."""
    reader, writer = pipe
    reader.close()
    with pytest.raises(OSError):
        messages.send(writer, b"x")
