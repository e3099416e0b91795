"""Private folders: removed when done, and those of killed processes by the next; never one that is in use."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.portable.scratch import Scratch, remove_abandoned

_HOLD = """
import sys, time
from pywats_archive.portable.scratch import Scratch
scratch = Scratch()
(scratch.make() / "secret.csv").write_text("in clear")
print("made", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, for its processes too."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def holder() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD], stdin=-1, stdout=-1, text=True)
    assert process.stdout and process.stdout.readline() == "made\n"
    return process


def in_clear(temporary: Path) -> list[Path]:
    return list(temporary.rglob("secret.csv"))


def test_what_a_killed_process_left_is_removed_by_the_next(temporary: Path) -> None:
    """After SIGKILL a source lies in clear until the next one starts; the folder of a process that lives stays."""
    killed, living = holder(), holder()
    try:
        killed.kill()
        killed.wait()
        assert len(in_clear(temporary)) == 2
        Scratch()
        (left,) = in_clear(temporary)
        assert len(list(temporary.iterdir())) == 1
    finally:
        living.communicate("")
    assert not left.exists() and list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_nobody_else_may_look_into_it(temporary: Path) -> None:
    """The folder, and each in it, is its account's alone."""
    scratch = Scratch()
    made = scratch.make()
    assert made.stat().st_mode & 0o777 == made.parent.stat().st_mode & 0o777 == 0o700
    scratch.close()


def test_each_folder_goes_when_it_is_done_and_all_at_the_end(temporary: Path) -> None:
    """Folders come and go in many threads; nothing is left once it is closed, which can be repeated, and used again after."""
    scratch = Scratch()
    seen: list[Path] = []

    def use() -> None:
        for _ in range(5):
            with scratch.folder() as folder:
                (folder / "secret.csv").write_text("x")
                seen.append(folder)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 20 and in_clear(temporary) == []
    kept = scratch.make()
    scratch.close()
    scratch.close()
    assert not kept.exists() and list(temporary.iterdir()) == []
    assert scratch.make().is_dir()
    scratch.close()


@pytest.mark.posix("Windows removes no folder with a locked file")
def test_a_temporary_folder_that_is_cleaned_meanwhile_harms_nothing(temporary: Path) -> None:
    """A system that cleans old files away takes the folder of a service that ran for weeks; it makes another one."""
    scratch = Scratch()
    shutil.rmtree(scratch.make().parent)
    assert scratch.make().is_dir()
    scratch.close()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_is_not_ours_stays(temporary: Path) -> None:
    """A demo's station, a folder without our lock, a link to one with it, and another account's are left alone."""
    outside = temporary / "outside"
    for name in ("pywats-archive-demo-x", "other"):
        (temporary / name).mkdir()
    outside.mkdir()
    (outside / ".scratch.lock").touch()
    (temporary / "pywats-archive-link").symlink_to(outside)
    linked = temporary / "pywats-archive-locked"
    linked.mkdir()
    (linked / ".scratch.lock").symlink_to(outside / ".scratch.lock")
    if os.geteuid() == 0:
        foreign = temporary / "pywats-archive-foreign"
        foreign.mkdir()
        (foreign / ".scratch.lock").touch()
        os.chown(foreign, 12345, 12345)
    before = sorted(temporary.rglob("*"))
    remove_abandoned()
    assert sorted(temporary.rglob("*")) == before


def test_an_archive_in_the_temporary_folder_stays(temporary: Path) -> None:
    """Whatever its name, and although nobody has it open, so that its own lock is free."""
    root = temporary / "pywats-archive-trial"
    Archive.open(root, create=True, own=True).close()
    before = sorted(root.rglob("*"))
    remove_abandoned()
    assert sorted(root.rglob("*")) == before


def test_two_that_clean_at_once_leave_nothing_and_fail_at_nothing(temporary: Path) -> None:
    """Several processes that start together may find the same leftovers."""
    for _ in range(3):
        process = holder()
        process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        process.communicate()
    threads = [threading.Thread(target=remove_abandoned) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(temporary.iterdir()) == []
