"""Archived bytes over the network, as they arrive."""

from __future__ import annotations

from collections.abc import Iterator

from pywats_archive.client.remote.wire import Query, Wire
from pywats_archive.errors import StorageError


def download(wire: Wire, path: str, query: Query | None = None) -> Iterator[bytes]:
    """Return the bytes of an answer in pieces; the first is read before this returns.

    An answer that breaks off is asked for again, from its last byte where the station can do that: if the archived bytes
    are damaged, it says so then.
    """
    pieces = _continued(wire, path, query)
    return _behind(next(pieces, b""), pieces)


def _behind(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _continued(wire: Wire, path: str, query: Query | None) -> Iterator[bytes]:
    received = 0
    while True:
        begun = received
        again = max(received - 1, 0)  # not behind the last byte: nothing is there to be asked for
        headers = {"range": f"bytes={again}-"} if received else None
        try:
            with wire.opened("GET", path, query=query, headers=headers) as response:
                skipped = received - again if response.status_code == 206 else received
                for piece in response.iter_bytes():
                    kept, skipped = piece[skipped:], max(skipped - len(piece), 0)
                    received += len(kept)
                    yield kept
            return
        except StorageError as exc:
            if type(exc) is not StorageError or received == begun:
                raise
