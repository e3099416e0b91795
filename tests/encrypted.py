"""Encrypted archives for tests: their keys beside them, and the keys taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.config.keys import IDENTITY_FILE


def encrypted(folder: Path) -> str:
    """Create keys in a folder, and an encrypted archive below it; gives the recovery key."""
    key = create_keys(folder).recovery_key
    assert key
    Archive.open(folder / "archive", create=True, own=True, keys=folder, encrypt=True).close()
    return key


@contextmanager
def without_key(folder: Path) -> Iterator[None]:
    """Take the secret key of a folder away meanwhile."""
    key, away = folder / IDENTITY_FILE, folder / "away.txt"
    key.rename(away)
    try:
        yield
    finally:
        away.rename(key)


def words_in(root: Path, *words: bytes) -> set[bytes]:
    """Give those of ``words`` that are in any file of an archive, but its catalog and the catalog's copies."""
    files = [path for path in root.rglob("*") if path.is_file() and "metadata.db" not in path.name]
    assert any(path.name.endswith(".gz.age") for path in files)
    return {word for word in words for path in files if word in path.read_bytes()}
