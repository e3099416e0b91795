"""Messages between the service and a worker process: bytes over a pipe, a large one read into one buffer.

``multiprocessing`` joins a message from pieces of 64 KB, and asks for the memory of all that is left with each: 1 ms of
processor time for 1 MB, and 0.4 ms with one buffer. Windows has pipes that hand over a message as a whole.
"""

from __future__ import annotations

import os
import struct
import sys
from multiprocessing.connection import Connection

_LENGTH = struct.Struct("<Q")
_LARGEST_BYTES = 1 << 36
"""The length of the longest message. Anything longer is not one: a converter may write to any open descriptor."""


def send(pipe: Connection, message: bytes) -> None:
    """Send a message as a whole; OSError when nobody reads any more."""
    if sys.platform == "win32":
        pipe.send_bytes(message)
        return
    remaining = [memoryview(_LENGTH.pack(len(message))), memoryview(message)]
    while remaining:
        written = os.writev(pipe.fileno(), remaining)
        while remaining and written >= remaining[0].nbytes:
            written -= remaining.pop(0).nbytes
        if remaining:
            remaining[0] = remaining[0][written:]


def receive(pipe: Connection) -> bytes | bytearray:
    """Wait for a message and return it; EOFError once the other side is gone, OSError for data that is not a message."""
    if sys.platform == "win32":
        return pipe.recv_bytes()
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    if length > _LARGEST_BYTES:
        raise OSError(f"a message of {length:,} bytes is too long")
    return _read(pipe, length)


def _read(pipe: Connection, length: int) -> bytearray:
    whole = bytearray(length)
    rest = memoryview(whole)
    while rest:
        read = os.readv(pipe.fileno(), [rest])
        if not read:
            raise EOFError
        rest = rest[read:]
    return whole
