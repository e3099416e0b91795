"""A vault in a folder: each object once, whole or not at all, and nothing where no vault is."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


def test_an_object_comes_back_as_it_went_in(vault: Vault, tmp_path: Path) -> None:
    """Whole, in ranges, in pieces, and from a file, the bytes are the same."""
    content = os.urandom(3_000_000)
    (tmp_path / "large").write_bytes(content)
    vault.put_new(KEY, content)
    vault.put_file("blobs/large.gz", tmp_path / "large")
    assert vault.get(KEY) == vault.get("blobs/large.gz") == b"".join(vault.stream(KEY)) == content
    assert vault.get(KEY, start=7, length=9) == content[7:16]
    assert vault.get(KEY, start=2_999_999, length=9) == content[-1:]
    assert vault.get(KEY, start=3_000_000) == b""
    assert vault.size_of(KEY) == 3_000_000


def test_a_key_is_never_given_twice(vault: Vault, tmp_path: Path) -> None:
    """The second object under a key is refused, and the first stays; of many at once, one wins (PLANT, rule 3)."""
    (tmp_path / "other").write_bytes(b"other")
    vault.put_new(KEY, b"first")
    with pytest.raises(KeyTaken, match="nothing was replaced"):
        vault.put_new(KEY, b"second")
    with pytest.raises(KeyTaken):
        vault.put_file(KEY, tmp_path / "other")
    assert vault.get(KEY) == b"first"

    def won(number: int) -> bool:
        try:
            vault.put_new("probe/race", b"%d" % number)
        except KeyTaken:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(won, range(16))) == 1


def test_what_is_not_there_is_missing(vault: Vault) -> None:
    """A missing object is KeyMissing to readers, and no size."""
    for read in (vault.get, lambda key: list(vault.stream(key))):
        with pytest.raises(KeyMissing, match=r"has no 7c9e6679/5a1f/segments/000000000001\.zip"):
            read(KEY)
    assert vault.size_of(KEY) is None
    assert list(vault.keys("7c9e6679")) == []


def test_keys_come_in_their_order(vault: Vault) -> None:
    """As in a bucket: by the bytes of whole keys, below a folder, behind a key."""
    keys = ["a.b/1", "a/1", "a/2/x", "a/2.zip", "b", "ab"]
    for key in keys:
        vault.put_new(key, key.encode())
    found = list(vault.keys(""))
    assert [each.key for each in found] == sorted([*keys, MARKER])
    assert all(each.size_bytes == len(each.key) for each in found if each.key != MARKER)
    assert [each.key for each in vault.keys("a")] == ["a/1", "a/2.zip", "a/2/x"]
    for after in ("", *sorted(keys), "a/", "a/2", "zz"):
        assert [each.key for each in vault.keys("", after=after)] == [k for k in sorted([*keys, MARKER]) if k > after]


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


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a\\b", "c:/a", "ü", "a\n"])
def test_what_is_no_key_is_refused(vault: Vault, key: str) -> None:
    """No key leads out of the vault, or to a partial file."""
    for call in (vault.get, vault.size_of, lambda each: vault.put_new(each, b"1")):
        with pytest.raises(ValueError, match="is no key of a vault"):
            call(key)


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
    with pytest.raises(VaultAway, match="share"):
        FolderVault(root).put_new(MARKER, b"{}")
    assert not root.parent.exists()
