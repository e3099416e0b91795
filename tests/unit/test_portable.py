"""The branches of both operating systems, by injecting the platform."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from tests.windows import foreign_kernel

from pywats_archive.portable import files, moving, processes, volumes
from pywats_archive.portable.placing import free_names, whole_path


@pytest.mark.parametrize("windows", [False, True])
def test_a_file_is_given_its_name(tmp_path: Path, windows: bool) -> None:
    """The bytes lie under the new name alone."""
    (tmp_path / "a").write_bytes(b"x")
    files.rename_exclusive(tmp_path / "a", tmp_path / "b", windows=windows)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_taken_name_is_never_replaced(tmp_path: Path) -> None:
    """A name that is taken stays what it was (invariant 3)."""
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        files.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old" and (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.posix("Windows renames in one step")
@pytest.mark.parametrize("is_replaced", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_a_move_that_fails_is_undone_unless_another_file_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_replaced: bool, across: bool
) -> None:
    """The old name cannot go: the new one goes, but never a file that another program put in its place (invariant 3)."""
    source, target = tmp_path / "watch" / "a", tmp_path / "Done" / "a"
    for path, content in ((source, b"x"), (tmp_path / "Done" / "other", b"another")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    unlink, link = os.unlink, os.link

    def refused(path: Path, **more: object) -> None:
        if Path(path) != source:
            return unlink(path)
        if is_replaced:
            (tmp_path / "Done" / "other").replace(target)
        raise OSError(errno.EIO, "no removal here")

    def far(old: Path, new: Path, **more: object) -> None:
        if Path(old) == source:
            raise OSError(errno.EXDEV, "another file system")
        link(old, new)

    monkeypatch.setattr(os, "unlink", refused)
    if across:
        monkeypatch.setattr(os, "link", far)
    with pytest.raises(OSError, match="no removal here"):
        moving.move_file_exclusive(source, target)
    assert source.read_bytes() == b"x"
    assert target.read_bytes() == b"another" if is_replaced else not target.exists()


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system has no hard links."""

    def link(*arguments: object, **more: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("no_links")
@pytest.mark.parametrize("is_in_one_step", [True, False])
def test_without_hard_links_a_taken_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_in_one_step: bool
) -> None:
    """Where there are no hard links (some shares), a taken name is refused all the same (invariant 3)."""
    if not is_in_one_step:
        monkeypatch.setattr(files, "_renameat2", lambda: None)
    (tmp_path / "a").write_bytes(b"new")
    files.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"new"
    (tmp_path / "a").write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        files.rename_exclusive(tmp_path / "a", tmp_path / "b")


@pytest.mark.usefixtures("no_links")
@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is of Linux")
def test_without_hard_links_no_file_is_replaced_that_comes_at_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that gets its own name back replaces none that a tester writes there meanwhile (invariant 3)."""
    (tmp_path / "a").write_bytes(b"earlier")
    replace, came = os.replace, [False]

    def it_comes(source: Path, target: Path) -> None:
        (tmp_path / "writing").write_bytes(b"next")
        came[0] = True
        replace(tmp_path / "writing", target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", it_comes)
    files.rename_exclusive(tmp_path / "a", tmp_path / "b")
    there = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert there == {"b": b"earlier"} and came == [False], "a file came to the name that was only reserved, and is lost"


@pytest.mark.parametrize(("kind", "is_removed"), [("ext4", False), ("vfat", True)])
def test_another_inode_number_is_another_file_where_they_are_stable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_removed: bool
) -> None:
    """A noted file is not removed as itself if another one, as long and as old, is there (invariant 2)."""
    system = volumes.FileSystem(kind=kind, mount_point="/")
    monkeypatch.setattr(volumes, "file_system", lambda folder: system)
    for name, content in (("a", b"x"), ("b", b"y")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    noted = moving.marks(tmp_path / "a")
    (tmp_path / "b").replace(tmp_path / "a")
    with suppress(OSError) if is_removed else pytest.raises(OSError, match="changed meanwhile"):
        moving.remove_marked(tmp_path / "a", noted)
    assert (tmp_path / "a").exists() is not is_removed


@pytest.mark.posix("Windows renames in one step, which no crash cuts in two")
def test_a_move_cut_short_is_completed(tmp_path: Path) -> None:
    """A crash can leave a file under its old name and its new one; the next try ends the old one (invariant 5)."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "Done").mkdir()
    (tmp_path / "watch" / "a").write_bytes(b"x")
    (tmp_path / "Done" / "a").hardlink_to(tmp_path / "watch" / "a")
    moving.move_file_exclusive(tmp_path / "watch" / "a", tmp_path / "Done" / "a")
    assert not (tmp_path / "watch" / "a").exists() and (tmp_path / "Done" / "a").read_bytes() == b"x"


@pytest.mark.posix("makes symbolic links")
def test_a_file_is_never_removed_for_its_own_name(tmp_path: Path) -> None:
    """A folder reached by another path is the same folder: its file's only name stays (invariant 3)."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "a").write_bytes(b"x")
    (tmp_path / "backup").hardlink_to(tmp_path / "watch" / "a")
    (tmp_path / "alias").symlink_to(tmp_path / "watch")
    for target in (tmp_path / "watch" / "a", tmp_path / "alias" / "a"):
        with pytest.raises(FileExistsError):
            files.rename_exclusive(tmp_path / "watch" / "a", target)
    assert (tmp_path / "watch" / "a").read_bytes() == b"x"


@pytest.mark.parametrize("windows", [pytest.param(False, marks=pytest.mark.posix("modes of folders")), True])
def test_a_folder_is_moved_to_a_free_name_only(tmp_path: Path, windows: bool) -> None:
    """A folder never takes another's place, not even an empty one's (invariant 3)."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        moving.move_folder_exclusive(tmp_path / "a", tmp_path / "taken", windows=windows)
    moving.move_folder_exclusive(tmp_path / "a", tmp_path / "free", windows=windows)
    assert (tmp_path / "free" / "x").read_bytes() == b"x" and not (tmp_path / "a").exists()


def test_another_file_system_is_reached_by_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between file systems a file is copied durably and removed last (invariant 2)."""
    real = files.rename_exclusive

    def across(source: Path, target: Path, **more: object) -> None:
        if source.suffix != ".part":
            raise OSError(errno.EXDEV, "another device")
        real(source, target)

    monkeypatch.setattr(moving, "rename_exclusive", across)
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    moving.move_file_exclusive(tmp_path / "a", tmp_path / "other" / "a")
    assert (tmp_path / "other" / "a").read_bytes() == b"x" and not (tmp_path / "a").exists()
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["a"]


@pytest.mark.posix("folders are synced")
def test_folders_that_cannot_be_synced_are_told(tmp_path: Path) -> None:
    """Windows has no fsync of folders; elsewhere it is done."""
    assert files.sync_folder(tmp_path, windows=True) is False
    assert files.sync_folder(tmp_path, windows=False) is True


def test_a_path_that_the_system_cannot_resolve_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some drives of Windows answer with an error; what was written there is named nevertheless."""

    def refuses(path: Path | str) -> str:
        raise OSError(errno.EINVAL, "More data available", str(path))

    monkeypatch.chdir(tmp_path)
    assert whole_path("a.csv", resolve=refuses) == str(tmp_path / "a.csv")
    assert whole_path("a.csv") == os.path.realpath(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "noextension", "L" * 255, "é" * 127, ".hidden", "x." + "e" * 253])
def test_free_names_are_short_enough_and_differ(name: str) -> None:
    """Each proposal is another name of at most 255 bytes."""
    names = free_names(name)
    proposals = [next(names) for _ in range(12)]
    assert len(set(proposals)) == 12 and proposals[0] == name
    assert all(len(each.encode()) <= 255 for each in proposals)


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 22 0:40 / /mnt/my\\040share rw,noatime shared:3 master:1 - nfs4 srv:/logs rw,vers=4.2,local_lock=none
31 22 0:41 / /mnt rw - tmpfs tmpfs rw,size=4k
32 22 0:42 / /mnt/my\\040share/deep rw - cifs //srv/x rw,nobrl
33 22 0:43 / /mnt rw - xfs /dev/vdb rw
34 22 0:44 / /data rw - fuse.sshfs me@srv:/ rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "is_remote"),
    [
        ("/srv/archive", "ext4", False),
        ("/mnt/other", "xfs", False),
        ("/mnt/my share/ict", "nfs4", True),
        ("/mnt/my share/deep", "cifs", True),
        ("/mnt/my share/deeper", "nfs4", True),
        ("/data/x", "fuse.sshfs", True),
    ],
)
@pytest.mark.skipif(files.WINDOWS, reason="paths of Linux")
def test_a_folder_lies_on_the_innermost_and_latest_mount(folder: str, kind: str, is_remote: bool) -> None:
    """The longest mount point that holds a folder counts, the later of two; names may have spaces."""
    found = volumes.file_system(folder, windows=False, mount_table=lambda: MOUNTS)
    assert found is not None and (found.kind, found.is_remote) == (kind, is_remote)


@pytest.mark.posix("paths of Linux")
def test_mount_options_are_read(tmp_path: Path) -> None:
    """Options of the mount and of the file system are told together; without a table nothing is."""
    found = volumes.file_system("/", windows=False, mount_table=lambda: MOUNTS)
    assert found is not None and found.options == {"rw", "relatime", "discard"} and found.source == "/dev/vda"
    missing = tmp_path / "mountinfo"
    assert volumes.file_system("/", windows=False, mount_table=missing.read_text) is None


@pytest.mark.parametrize(("drive", "is_remote"), [(3, False), (4, True)])
def test_windows_is_asked_for_its_volume(tmp_path: Path, drive: int, is_remote: bool) -> None:
    """On Windows the volume of the whole path is asked for; elsewhere that call says that it is not there."""
    asked = []

    def path_name(path: int, root: int, length: int) -> int:
        asked.append((ctypes.wstring_at(path), length))
        _write(root, "C:\\")
        return 1

    def information(root: int, label: object, size: int, *more: int) -> int:
        asked.append((ctypes.wstring_at(root), more[-1]))
        _write(more[-2], "NTFS")
        return 1

    kernel = foreign_kernel(
        GetVolumePathNameW=path_name, GetVolumeInformationW=information, GetDriveTypeW=lambda root: drive
    )
    found = volumes.file_system(tmp_path, windows=True, kernel=lambda: kernel)
    assert found == volumes.FileSystem(kind="ntfs", mount_point="C:\\", is_remote=is_remote)
    assert asked == [(str(tmp_path.resolve()), 32_768), ("C:\\", 261)]
    if not files.WINDOWS:
        with pytest.raises(OSError, match="not implemented"):
            volumes.file_system(tmp_path, windows=True)


def test_a_volume_that_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(OSError, match="cannot be queried") as caught:
        volumes.file_system(tmp_path, windows=True, kernel=foreign_kernel)
    assert caught.value.filename == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("size_bytes", "cluster_bytes", "allotted"),
    [(1, 4096, 4096), (4097, 4096, 8192), (1, 65_536, 65_536), (65_536, 65_536, 65_536), (0, 65_536, 0), (1, 0, 4096)],
)
def test_the_disk_space_of_a_file_is_whole_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int, cluster_bytes: int, allotted: int
) -> None:
    """Windows is asked once for the size of a volume's clusters; if it does not report one, the default counts."""
    asked = []

    def path_name(path: int, root: int, length: int) -> int:
        _write(root, "D:\\")
        return 1

    def free_space(root: int, sectors: int, sector_bytes: int, *more: int) -> int:
        asked.append(ctypes.wstring_at(root))
        ctypes.c_uint32.from_address(sectors).value = cluster_bytes // 512
        ctypes.c_uint32.from_address(sector_bytes).value = 512
        return int(cluster_bytes > 0)

    kernel = foreign_kernel(GetVolumePathNameW=path_name, GetDiskFreeSpaceW=free_space)
    monkeypatch.setattr(volumes, "_CLUSTERS", volumes._Clusters())
    (tmp_path / "a").write_bytes(bytes(size_bytes))
    for _ in range(2):
        status = (tmp_path / "a").stat()
        assert volumes.allotted_bytes(status, tmp_path / "a", windows=True, kernel=lambda: kernel) == allotted
    assert asked == ["D:\\"]


def test_this_systems_disk_space_of_a_file_holds_it(tmp_path: Path) -> None:
    """The system that the tests run on reports at least what a file contains, and less than a cluster of 2 MB more."""
    (tmp_path / "a").write_bytes(os.urandom(10_000))
    assert 10_000 <= volumes.allotted_bytes((tmp_path / "a").stat(), tmp_path / "a") < 10_000 + 2**21


def _write(address: int, text: str) -> None:
    data = ctypes.create_unicode_buffer(text)
    ctypes.memmove(address, data, ctypes.sizeof(data))


@pytest.mark.skipif(files.WINDOWS, reason="flock is POSIX'")
def test_a_lock_is_seen_by_who_may_only_read(tmp_path: Path) -> None:
    """The owner of an archive is seen where its lock file cannot be opened for writing."""
    lock = FileLock(tmp_path / ".lock")
    assert not processes.is_locked(tmp_path / ".lock")
    with lock:
        assert processes.is_locked(tmp_path / ".lock")
        assert not processes.is_locked(tmp_path / ".lock", windows=True)
    assert not processes.is_locked(tmp_path / ".lock")
