"""A file beside a configuration or in an archive that never ends, or is not a file, is one line of error."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from pywats_archive.archive.folder.description import read_description
from pywats_archive.errors import ConfigError, StorageError
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.key import KEY_FILE, load_key
from pywats_archive.portable.files import read_small

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="devices and pipes have names here")
MANY = 1_000_000_000


def make(path: Path, kind: str) -> None:
    """Put something in a file's place that has no end, or more bytes than any such file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, MANY)
    else:
        path.symlink_to(kind)


@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/full", "pipe", "huge"])
@pytest.mark.parametrize("name", ["config.json", state_file.STATE_FILE, KEY_FILE, "archive.json"])
def test_what_has_no_end_is_refused_in_one_line(tmp_path: Path, name: str, kind: str) -> None:
    """Nothing is read that has no end, and the error names the file and what is wrong with it."""
    (tmp_path / "config.json").write_text(json.dumps({}))
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name, kind)
    with pytest.raises((ConfigError, StorageError)) as caught:
        if name == KEY_FILE:
            load_key(tmp_path)
        elif name == "archive.json":
            read_description(tmp_path)
        else:
            read_station_config(tmp_path / "config.json")
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / name}: ") and "\n" not in told
    assert ("more than" in told) if kind == "huge" else ("not a file" in told or "not a regular file" in told)


def test_no_more_is_read_than_a_small_file_may_have(tmp_path: Path) -> None:
    """A file of a length that nobody knows beforehand is read up to its limit."""
    (tmp_path / "a").write_bytes(b"12345")
    assert read_small(tmp_path / "a", most_bytes=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_small(tmp_path / "a", most_bytes=4)
