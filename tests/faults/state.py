"""The state in which a crash leaves a scenario: if two steps leave the same one, what comes after is the same too."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pywats_archive.blobs import reserve
from tests.faults.place import Place
from tests.faults.steps import Steps


def state_of(place: Place) -> dict[str, Any]:
    """Return all that a later process can find of a scenario: names, bytes, and what ``lstat`` says but for the last access.

    That includes inodes, numbers of links and times, which the product compares, and the shared memory of SQLite. It does not
    include locks, which end with their process, nor the clock and random numbers, which differ in each run anyway.
    """
    return {path: (_status(path), _digest(path)) for path in _paths(place)}


def _paths(place: Place) -> Iterator[str]:
    """Yield all paths; Done may be a link to another file system."""
    for top in (os.fspath(place.folder), os.path.realpath(place.folder / "Done")):
        for folder, folders, names in os.walk(top):
            yield folder
            yield from (os.path.join(folder, name) for name in (*folders, *names))  # noqa: PTH118 (strings: called at each step)


def _status(path: str) -> tuple[int, ...]:
    found = os.lstat(path)
    return (
        *(found.st_dev, found.st_ino, found.st_mode, found.st_nlink, found.st_uid, found.st_gid),
        *(found.st_size, found.st_blocks, found.st_mtime_ns, found.st_ctime_ns),
    )


def _digest(path: str) -> bytes | None:
    if os.path.isdir(path) or path.endswith(f"/{reserve.NAME}"):  # noqa: PTH112 (as above); a reserve has no content
        return None
    return hashlib.blake2b(Path(path).read_bytes()).digest()


class Survey:
    """A kind by which nothing goes wrong: it notes which steps find another state than the step before."""

    def __init__(self, place: Place, *, loses_power: bool) -> None:
        self.steps: list[int] = []
        """Their numbers."""
        self.count = 0
        self._place = place
        self._loses_power = loses_power
        self._last: object = None

    def __call__(self, steps: Steps, name: str) -> None:
        """Note a step; with ``loses_power``, what is durable by then belongs to the state."""
        now = state_of(self._place), steps.power.account() if self._loses_power else None
        if now != self._last:
            self.steps.append(steps.count)
        self._last, self.count = now, steps.count
