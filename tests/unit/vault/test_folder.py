"""A vault in a folder: each object once, whole or not at all, and nothing where no vault is."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import KeyMissing, KeyTaken, VaultAway, VaultRefused
from pywats_archive.vault.folder import FolderVault
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import MARKER, Vault

KEY = "7c9e6679/5a1f/segments/000000000001.zip"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a vault."""
    return tmp_path / "share" / "vault"


@pytest.fixture
def vault(root: Path) -> Vault:
    """A vault that was created."""
    root.parent.mkdir()
    made = open_vault(VaultSettings(vault_url=str(root)))
    made.put_new(MARKER, b"{}")
    return made


def test_a_share_that_is_not_mounted_is_away(vault: Vault, root: Path) -> None:
    """An empty mount point gets no object, and says of none that it is missing."""
    vault.put_new(KEY, b"first")
    root.rename(root.with_name("elsewhere"))
    for is_there in (False, True):
        if is_there:
            root.mkdir()
        calls: list[Callable[[], object]] = [
            lambda: vault.put_new("a/1", b"1"),
            lambda: vault.get(KEY),
            lambda: vault.size_of(KEY),
            lambda: list(vault.keys("")),
        ]
        for call in calls:
            with pytest.raises(VaultAway, match=r"has no vault\.json; mount the share"):
                call()
        assert not is_there or list(root.iterdir()) == []


def test_a_step_that_fails_leaves_nothing_half_written(root: Path) -> None:
    """Whichever step fails, the object is whole or not there, and the next try stores it."""
    root.parent.mkdir()
    steps = 0

    def failing(name: str) -> None:
        nonlocal steps
        steps += 1
        if steps == fails_at:
            raise OSError(errno.EIO, "broken", name)

    FolderVault(root).put_new(MARKER, b"{}")
    for number in itertools.count(1):
        fails_at, steps, key = number, 0, f"s{number}/{KEY}"
        vault = FolderVault(root, on_step=failing)
        try:
            vault.put_new(key, b"whole")
        except VaultAway:
            assert [each.read_bytes() for each in root.glob(f"s{number}/**/*") if each.is_file()] in ([], [b"whole"])
            try:
                FolderVault(root).put_new(key, b"whole")
            except KeyTaken:
                assert vault.get(key) == b"whole"
        else:
            break
    assert number > 10


def test_a_share_without_hard_links_works_too(vault: Vault, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There an empty file reserves the name; one that a killed process left is no object, and is replaced a minute later."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)
    vault.put_new("a/1", b"one")
    (root / "a" / "1").chmod(0o640)
    os.utime(root / "a" / "1", (1, 1))
    with pytest.raises(KeyTaken):
        vault.put_new("a/1", b"two")
    reserved = root / "a" / "2"
    reserved.touch()
    assert vault.size_of("a/2") is None
    assert [each.key for each in vault.keys("a")] == ["a/1"]
    with pytest.raises(KeyTaken):
        vault.put_new("a/2", b"two")
    os.utime(reserved, (1, 1))
    with pytest.raises(KeyMissing):
        vault.get("a/2")
    vault.put_new("a/2", b"two")
    assert vault.get("a/2") == b"two"


def test_partial_files_of_killed_processes_are_removed(vault: Vault, root: Path) -> None:
    """A day later, by the first object that another process stores in the folder; they are never listed."""
    (root / "a").mkdir()
    for name, at in ((".old.part", 1), (".new.part", None)):
        (root / "a" / name).write_bytes(b"half")
        if at:
            os.utime(root / "a" / name, (at, at))
    vault.put_new("a/1", b"one")
    assert sorted(each.name for each in (root / "a").iterdir()) == [".new.part", "1"]
    assert [each.key for each in vault.keys("a")] == ["a/1"]


def test_keys_come_in_the_order_of_s3(vault: Vault) -> None:
    """By the bytes of whole keys, and behind any text."""
    keys = ["a.b/1", "a/1", "a/2/x", "a/2.zip", "ab", "b"]
    for key in keys:
        vault.put_new(key, key.encode())
    whole = sorted([*keys, MARKER])
    assert [each.key for each in vault.keys("")] == whole
    for after in ("", *keys, "a/", "a/2", "zz"):
        assert [each.key for each in vault.keys("", after=after)] == [key for key in whole if key > after]


@pytest.mark.posix("links")
def test_a_linked_folder_is_refused(vault: Vault, root: Path, tmp_path: Path) -> None:
    """Nothing is written to another place than the vault."""
    (tmp_path / "elsewhere").mkdir()
    (root / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultRefused, match="is a link to another place"):
        vault.put_new("a/1", b"one")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_folder_above_must_be_there(root: Path) -> None:
    """A mistyped path creates no vault."""
    with pytest.raises(VaultAway, match="there is no such folder; mount the share"):
        FolderVault(root).put_new(MARKER, b"{}")
    assert not root.parent.exists()
