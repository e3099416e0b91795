"""A watch folder has one owner, by whatever name and on whatever system; who it is can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pywats_archive.archive.folder.watch_owner import LOCK_SUFFIX, OWNER_SUFFIX, Claim, lock_place
from pywats_archive.errors import FolderTaken

posix = pytest.mark.skipif(os.name == "nt", reason="folders have no locks of their own there")
HOLDER = """
import sys, time
from pathlib import Path
from pywats_archive.archive.folder.watch_owner import Claim
held = Claim(Path(sys.argv[1]), configuration=Path("/etc/other.json"))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def watch(tmp_path: Path) -> Path:
    folder = tmp_path / "ict" / "watch"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("folder", "is_mount", "where", "name"),
    [
        ("/data/ict/watch", False, "/data/ict", ".watch"),
        ("/mnt/share", True, "/mnt/share", "."),
        ("/", True, "/", "."),
        ("/data/Größe", False, "/data", ".Größe"),
    ],
)
def test_where_the_lock_lies(folder: str, is_mount: bool, where: str, name: str) -> None:
    """Beside the folder, where nobody takes it for a source; in it where it is a share of its own."""
    assert lock_place(Path(folder), is_mount=is_mount) == (Path(where), name)


def test_a_long_name_leaves_room_for_the_ending(tmp_path: Path) -> None:
    """A folder's name of 255 bytes has a lock, too."""
    where, name = lock_place(tmp_path / ("ü" * 127), is_mount=False)
    (where / f"{name}{LOCK_SUFFIX}").touch()


@pytest.mark.parametrize("windows", [pytest.param(False, marks=posix), True])
def test_a_second_owner_is_refused_and_the_first_one_named(watch: Path, windows: bool) -> None:
    """Until the first owner gives it up nobody else owns the folder (invariant 12), with either kind of lock alone."""
    first = Claim(watch, configuration=Path("/etc/first.json"), windows=windows)
    with pytest.raises(FolderTaken, match=rf"{os.getpid()} on .*, with .*first\.json\) owns this watch folder"):
        Claim(watch, configuration=Path("/etc/second.json"), windows=windows)
    first.release()
    first.release()
    second = Claim(watch, configuration=Path("/etc/second.json"), windows=windows)
    with pytest.raises(FolderTaken, match=r"second\.json"):
        Claim(watch, configuration=Path("/etc/first.json"), windows=windows)
    second.release()
    assert list(watch.iterdir()) == []


@posix
def test_a_folder_is_owned_where_no_lock_file_can_be_made(watch: Path) -> None:
    """On a medium or in a folder that takes no lock file, the folder's own lock keeps a second service out (invariant 12)."""
    (watch.parent / f".watch{LOCK_SUFFIX}").mkdir()
    first = Claim(watch, configuration=Path("/etc/first.json"))
    assert not first.is_shared
    with pytest.raises(FolderTaken, match=r"first\.json"):
        Claim(watch, configuration=Path("/etc/second.json"))
    first.release()


@posix
def test_a_folder_that_was_renamed_is_owned_still(watch: Path) -> None:
    """The owner is the owner of the folder, not of its name: a second service finds it by the new name (invariant 12)."""
    first = Claim(watch, configuration=Path("/etc/first.json"))
    moved = watch.rename(watch.parent / "moved")
    with pytest.raises(FolderTaken):
        Claim(moved, configuration=Path("/etc/second.json"))
    watch.mkdir()
    assert not first.is_still(watch) and first.is_still(moved)
    first.release()


def test_an_owner_that_is_killed_leaves_the_folder_free(watch: Path) -> None:
    """A lock ends with its process, however that ends (invariant 5); until then another process is kept out."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(watch)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        with pytest.raises(FolderTaken, match=rf"{process.pid} on .*other\.json"):
            Claim(watch, configuration=Path("/etc/mine.json"))
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.wait()
    Claim(watch, configuration=Path("/etc/mine.json")).release()


@posix
def test_no_file_elsewhere_is_written_through_a_lock(watch: Path, tmp_path: Path) -> None:
    """Lock and note lie where others may write: what a link or a second name there leads to is not changed."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"x")
    (watch.parent / f".watch{LOCK_SUFFIX}").symlink_to(precious)
    os.link(precious, watch.parent / f".watch{OWNER_SUFFIX}")
    claim = Claim(watch, configuration=Path("/etc/first.json"))
    with pytest.raises(FolderTaken, match=r"first\.json"):
        Claim(watch, configuration=Path("/etc/second.json"))
    claim.release()
    assert precious.read_bytes() == b"x"
