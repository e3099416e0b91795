"""What every vault does, in a folder and in a bucket: each object is stored once, and comes back as it was."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pywats_archive.errors import KeyMissing, KeyTaken
from pywats_archive.vault.store import MARKER, Vault

KEY = "7c9e6679/5a1f/segments/000000000001.zip"


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
    """All of them, those below a folder, and those behind a key; in a folder by name."""
    keys = ["a/1", "a/2/x", "a/3.zip", "ab/1", "b"]
    for key in keys:
        vault.put_new(key, key.encode())
    found = list(vault.keys(""))
    assert [each.key for each in found] == sorted([*keys, MARKER])
    assert all(each.size_bytes == len(each.key) for each in found if each.key != MARKER)
    assert [each.key for each in vault.keys("a")] == ["a/1", "a/2/x", "a/3.zip"]
    for after in ("", *sorted(keys), "zz"):
        assert [each.key for each in vault.keys("", after=after)] == [k for k in sorted([*keys, MARKER]) if k > after]


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a\\b", "c:/a", "ü", "a\n"])
def test_what_is_no_key_is_refused(vault: Vault, key: str) -> None:
    """No key leads out of the vault, or to a partial file."""
    for call in (vault.get, vault.size_of, lambda each: vault.put_new(each, b"1")):
        with pytest.raises(ValueError, match="is not a key of a vault"):
            call(key)
