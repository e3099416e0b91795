"""What the product needs of the operating system that the tests run on, and gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.presence import Presence
from pywats_archive.host.settings import state_file

_WRITES = 30
_READER = """
import sys, time
from pathlib import Path
from pywats_archive.host.settings import state_file
from pywats_archive.portable import names
config = Path(sys.argv[1])
print("reads", flush=True)
while state_file.recall(config, state_file.ARCHIVES).get("last") is None:
    with names.patiently(lambda: state_file.state_path(config).open("rb")):
        time.sleep(0.02)
    time.sleep(0.01)
"""


def test_an_open_archive_is_found_where_it_is(tmp_path: Path) -> None:
    """An open file and its path have one identity, by which a share that went away is recognized."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        presence = Presence(archive.root, archive.description.archive_uuid)
        try:
            presence.require()
        finally:
            presence.close()


def test_an_open_file_has_the_identity_of_its_path(tmp_path: Path) -> None:
    """Device and file number are the same by descriptor, by path and by link path."""
    (tmp_path / "a").write_bytes(b"x")
    with (tmp_path / "a").open("rb") as stream:
        by_descriptor = os.fstat(stream.fileno())
    for status in ((tmp_path / "a").stat(), (tmp_path / "a").lstat()):
        assert os.path.samestat(status, by_descriptor) and status.st_ino


def test_the_state_file_is_replaced_while_others_read(tmp_path: Path) -> None:
    """Neither the service, which writes it, nor a command, which reads it, fails, and each content is whole."""
    config = tmp_path / "config.json"
    state_file.remember(config, state_file.ARCHIVES, {"first": "uuid"})
    command = [sys.executable, "-c", _READER, str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout and reader.stdout.readline() == "reads\n"
        try:
            for number in range(_WRITES):
                state_file.remember(config, state_file.ARCHIVES, {f"archive {number}": "uuid"})
            state_file.remember(config, state_file.ARCHIVES, {"last": "uuid"})
            _, errors = reader.communicate(timeout=PATIENCE_S)
        finally:
            reader.kill()
    assert reader.returncode == 0, errors
    written = json.loads((tmp_path / state_file.STATE_FILE).read_text())
    assert len(written[state_file.ARCHIVES]) == _WRITES + 2


@pytest.mark.skipif(os.name != "nt", reason="Windows' priorities")
def test_windows_lowers_the_priority() -> None:
    """The handle of this process passes whole, so that the priority changes."""
    answer = subprocess.run([sys.executable, "-c", _LOW], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["0x4000"], answer.stderr


_LOW = """
import ctypes
from pywats_archive.portable import processes
processes.lower_priority()
kernel = ctypes.WinDLL("kernel32")
kernel.GetCurrentProcess.restype = ctypes.c_void_p
kernel.GetPriorityClass.argtypes = [ctypes.c_void_p]
print(hex(kernel.GetPriorityClass(kernel.GetCurrentProcess())))
"""
