"""What is dropped into the watch folder before a scenario."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.place import Place

OTHER_FILE_SYSTEM = Path("/dev/shm")


def drop_file(place: Place) -> None:
    """Drop one file."""
    place.drop("unit.log", b"measured" * 50)


def drop_large_file(place: Place) -> None:
    """Drop a file whose blob is written in several steps."""
    place.drop("unit.log", uuid.UUID(int=3).bytes * 40_000)


def drop_folder(place: Place) -> None:
    """Drop a folder with a folder in it."""
    place.drop("unit/a.csv", b"a")
    place.drop("unit/deep/b.csv", b"b")


def drop_with_companions(place: Place) -> None:
    """Drop a file with what is read beside it."""
    drop_file(place)
    place.drop("unit.extra", b"companion")


def drop_with_opened(place: Place) -> None:
    """Drop a file with one beside it that no rule names."""
    drop_file(place)
    place.drop("unit.opened", b"read")


def drop_several_with_opened(place: Place) -> None:
    """Drop files that have one beside them which no rule names."""
    for name in ("a", "b", "c"):
        place.drop(f"{name}.log", name.encode())
    place.drop("unit.opened", b"read")


def drop_two(place: Place) -> None:
    """Drop two files."""
    place.drop("a.log", b"a")
    place.drop("b.log", b"b")


def drop_beside_pending(place: Place) -> None:
    """Drop a file whose name another one has in Pending."""
    drop_file(place)
    (place.folder / "Pending").mkdir()
    (place.folder / "Pending" / "unit.log").write_bytes(b"another")


def across(drop: Callable[[Place], Any]) -> Callable[[Place], Any]:
    """Have Done on another file system."""

    def act(place: Place) -> None:
        drop(place)
        (place.folder / "Done").symlink_to(tempfile.mkdtemp(prefix="pywats-archive-test-", dir=OTHER_FILE_SYSTEM))

    return act
