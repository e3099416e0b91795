"""Anchors in folders elsewhere: nothing there is ever changed, and a place that fails stops nothing."""

from __future__ import annotations

import errno
import os
import stat
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.anchored import anchored, said, signer_of

from pywats_archive.archive.anchors import folders
from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.folders import files_in, write_into
from pywats_archive.archive.anchors.making import anchors_of, distribute, last_anchor, make
from pywats_archive.archive.core import Archive
from pywats_archive.errors import StorageError

UUID = "6f1f0a52-5b1e-4a8e-9c8a-0c9ad6a1c001"
AT = datetime(2026, 2, 13, 14, 30, 22, tzinfo=timezone.utc)


@pytest.fixture
def anchor(tmp_path: Path) -> Anchor:
    return signer_of(tmp_path / "x").anchor(UUID, 12, "ab" * 32, AT)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_anchor_is_a_file_below_its_archive(anchor: Anchor, share: Path) -> None:
    """Name and place say archive, time and event; the public key is beside it."""
    path = write_into(share, anchor)
    assert path.read_text(encoding="ascii") == f"{anchor.line}\n"
    key = f"{UUID}/public-key-{anchor.key_id}.pem"
    assert written(share) == [f"{UUID}/2026/20260213T143022Z_12.anchor", key]
    (found,) = files_in(share)
    assert found.anchors == (anchor,)


def test_nothing_is_overwritten(anchor: Anchor, share: Path) -> None:
    """The same anchor again changes nothing; another one of the same name, as after a clock step, gets a further name."""
    first = write_into(share, anchor)
    assert write_into(share, anchor) == first
    other = signer_of(share / "y").anchor(UUID, 12, "cd" * 32, AT)
    assert write_into(share, other).name == "20260213T143022Z_12_2.anchor"
    assert first.read_text(encoding="ascii") == f"{anchor.line}\n"


def test_a_missing_folder_is_not_created(anchor: Anchor, tmp_path: Path) -> None:
    """It may be the mount point of a disk that is away; the others get the anchor."""
    (tmp_path / "there").mkdir()
    done, failed = distribute(anchor, [tmp_path / "away", tmp_path / "there"])
    assert [path.is_relative_to(tmp_path / "there") for path in done] == [True]
    assert [each.place for each in failed] == [tmp_path / "away"] and not (tmp_path / "away").exists()


def test_a_share_that_goes_meanwhile_is_not_created(anchor: Anchor, share: Path) -> None:
    """Between the check of the folder and the first write, its share may be lost."""

    def lose(step: str) -> None:
        if step == "mkdir":
            share.rename(share.with_name("elsewhere"))

    with pytest.raises(StorageError, match="cannot be written"):
        write_into(share, anchor, on_step=lose)
    assert not share.exists()


@pytest.mark.parametrize("step", ["mkdir", "open", "write", "fsync", "fsync_folder"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.ESTALE])
def test_a_full_or_broken_disk_is_named_and_leaves_nothing_half(
    anchor: Anchor, share: Path, step: str, code: int
) -> None:
    """Whatever step fails: the error names the folder, no file is incomplete, and the next try succeeds."""

    def fail(name: str) -> None:
        if name == step:
            raise OSError(code, os.strerror(code))

    with pytest.raises(StorageError, match=os.strerror(code)):
        write_into(share, anchor, on_step=fail)
    assert all(each.anchors for each in files_in(share))
    assert write_into(share, anchor).exists()


def test_a_share_that_cannot_sync_is_enough(anchor: Anchor, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EINVAL of fsync, as of some shares, is no failure; EIO is."""

    def refuse(code: int) -> None:
        raise OSError(code, os.strerror(code))

    folders._sync(0, fsync=lambda descriptor: refuse(errno.EINVAL))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        folders._sync(0, fsync=lambda descriptor: refuse(errno.EIO))


@pytest.mark.posix("modes, and an account without all rights")
def test_a_folder_without_rights_is_named(anchor: Anchor, share: Path) -> None:
    """The alert will say which folder, and why."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    share.chmod(0o500)
    with pytest.raises(StorageError, match=str(share)):
        write_into(share, anchor)


@pytest.mark.posix("modes")
def test_a_mail_or_a_person_can_read_an_anchor(anchor: Anchor, share: Path) -> None:
    """Nothing in it is secret, and somebody else should keep it: 0644 less the umask."""
    before = os.umask(0o022)
    try:
        assert stat.S_IMODE(write_into(share, anchor).stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_the_archive_notes_each_anchor(tmp_path: Path, share: Path) -> None:
    """They are in anchors.log, in order; a line that a crash cut short is skipped."""
    root = tmp_path / "archive"
    first = anchored(root, share).anchor
    with (root / "anchors.log").open("ab") as stream:
        stream.write(first.line[:100].encode())
    second = anchored(root, share).anchor
    with Archive.open(root) as archive:
        assert list(anchors_of(archive)) == [first, second]
        assert last_anchor(archive) == second
    assert {anchor for file in files_in(share) for anchor in file.anchors} == {first, second}


def test_a_log_that_cannot_be_written_is_a_failure_and_the_folders_get_the_anchor(tmp_path: Path, share: Path) -> None:
    """A full disk of the archive does not keep the anchor from the others."""
    root, steps = tmp_path / "archive", list[str]()

    def full(step: str) -> None:
        if steps:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    anchored(root)
    with Archive.open(root, own=True, on_step=full) as archive:
        signer = signer_of(root)
        archive.recorded_keys = frozenset({signer.key_id})
        steps.append("from now on the disk is full")
        made = make(archive, signer, folders=[share])
        steps.clear()
    assert [each.place for each in made.failures] == [root / "anchors.log"]
    assert [path.exists() for path in made.written] == [True]


def test_two_archives_of_one_name_do_not_share_a_folder(tmp_path: Path, share: Path) -> None:
    """Each has the folder of its uuid, and is checked against its own anchors only."""
    for station in ("a", "b"):
        (tmp_path / station).mkdir()
        anchored(tmp_path / station / "archive", share)
    assert len({path.split("/")[0] for path in written(share)}) == 2
    for station in ("a", "b"):
        assert "proved up to" in said(tmp_path / station / "archive", share)
