"""The trials of a folder that concern names and paths."""

from __future__ import annotations

import errno
import os

from pywats_archive.doctor.findings import Result
from pywats_archive.doctor.places import Shelter
from pywats_archive.doctor.probe import Probe
from pywats_archive.doctor.rating import rate_name
from pywats_archive.portable import names
from pywats_archive.portable.files import NAME_MAX_BYTES

_LENGTHS = (NAME_MAX_BYTES, 200, 143, 100, 64)
"""143 is what an encrypted folder (eCryptfs) leaves of 255."""
_SHORT_PATH, _LONG_PATH = 259, 270
"""The longest path that Windows takes without long paths (Win32, "Maximum path length limitation"), and a longer one."""
_FOREIGN = "é 中\N{GRINNING FACE}"


def long_names(probe: Probe) -> tuple[Result, str]:
    longest = next((length for length in _LENGTHS if _accepts_name(probe, length)), 0)
    return rate_name(longest), f"{longest} bytes"


def _accepts_name(probe: Probe, length: int) -> bool:
    try:
        names.unlink(probe.write("n" * max(1, length - probe.room_bytes())))
    except OSError as exc:
        if exc.errno in (errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL):
            return False
        raise
    return True


def long_paths(probe: Probe) -> tuple[Result, str]:
    """Create a file whose path is longer than Windows allows by default."""
    if probe.shelter is not Shelter.FOLDER:
        return Result.SKIPPED, "a folder here would be taken for a source"
    folder = probe.path("p" * 100)
    while len(str(folder)) < _LONG_PATH:
        folder /= "p" * 100
    try:
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x")
    except FileNotFoundError:
        return Result.WEAK, f"{_SHORT_PATH} characters"
    return Result.OK, f"{len(str(folder)) + 5} characters"


def foreign_names(probe: Probe) -> tuple[Result, str]:
    path = probe.write(_FOREIGN)
    if path.name in os.listdir(probe.folder):  # noqa: PTH208 (names alone)
        return Result.OK, ""
    return Result.FAILED, "a name comes back in another form"


def case(probe: Probe) -> tuple[Result, str]:
    probe.write("case")
    return Result.OK, "no difference" if probe.path("CASE").exists() else "kept apart"
