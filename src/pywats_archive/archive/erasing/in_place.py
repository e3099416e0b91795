"""Finds the sources that are still where a service would archive them again, or may be: their watch folder is away."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import reading
from pywats_archive.catalog import erasing
from pywats_archive.catalog.erasing import Source
from pywats_archive.errors import StorageError
from pywats_archive.models.retention.erasure import ErasureRule


def rules_of(archive: Archive, archive_ids: Collection[str], mount_points: Mapping[str, str]) -> dict[str, ErasureRule]:
    """Return the entries with a source that is in its watch folder, or may be, each with the rule that says so.

    ``mount_points``: by watch folder, where its disk or share is mounted. No transaction is open while files are examined:
    a share may take long to answer.
    """
    with archive.read() as db:
        sources = tuple(erasing.sources_of(db, tuple(archive_ids)))
    found: dict[str, ErasureRule] = {}
    missing: dict[str, list[Source]] = {}
    is_away = lru_cache(maxsize=64)(lambda folder: _is_away(folder, mount_points.get(folder)))
    for source in sources:
        folder = os.path.dirname(source.path)  # noqa: PTH120 (a text, as the keys of ``mount_points``)
        if rule := _rule_at_path(source, is_away=is_away(folder)):
            found[source.archive_id] = rule
        elif not source.has_left:
            missing.setdefault(folder, []).append(source)
    for folder, those in missing.items():
        found.update(dict.fromkeys(_renamed(archive, folder, those), ErasureRule.IN_PLACE))
    return found


def _rule_at_path(source: Source, *, is_away: bool) -> ErasureRule | None:
    """Return the rule for what is at the path of a source; another file counts too, unless the source is known to have left."""
    try:
        status = os.lstat(source.path)
    except ValueError:  # no file system has such a name
        return None
    except OSError as exc:
        is_gone = isinstance(exc, FileNotFoundError) and not is_away
        return None if source.has_left or is_gone else ErasureRule.AWAY
    is_it = stat.S_ISDIR(status.st_mode) or reading.file_stamp(status).matches(source)
    return ErasureRule.IN_PLACE if is_it or not source.has_left else None


def _is_away(folder: str, mount_point: str | None) -> bool:
    if os.path.isabs(folder) and not os.path.isdir(folder):  # noqa: PTH117, PTH112 (a text; any error means away)
        return True
    return mount_point is not None and not os.path.ismount(mount_point)


def _renamed(archive: Archive, folder: str, missing: Iterable[Source]) -> Iterator[str]:
    """Stream the entries whose source has another name in its folder now; the folder is listed once."""
    sized: dict[int, list[Source]] = {}
    numbered: dict[int, list[Source]] = {}
    for source in missing:
        sized.setdefault(source.size_bytes, []).append(source)
        if source.inode is not None:
            numbered.setdefault(source.inode, []).append(source)
    for path, status in _items(folder):
        is_folder = stat.S_ISDIR(status.st_mode)
        for source in numbered.get(status.st_ino, ()) if is_folder else sized.get(status.st_size, ()):
            if not _is_of_another(archive, path, source) and _is_it(source, path, status, is_folder=is_folder):
                yield source.archive_id


def _items(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Stream the files and folders in a folder; what is gone or cannot be examined is left out."""
    try:
        with os.scandir(folder or ".") as items:
            for item in items:
                try:
                    status = os.lstat(item.path)  # that of the listing has no inode on Windows
                except OSError:
                    continue
                if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
                    yield item.path, status
    except OSError:
        return


def _is_of_another(archive: Archive, path: str, source: Source) -> bool:
    with archive.read() as db:
        return erasing.is_of_another(db, path, source.archive_id)


def _is_it(source: Source, path: str, status: os.stat_result, *, is_folder: bool) -> bool:
    """Whether a file has the bytes of a source, and its time or inode; a folder: its inode and size."""
    try:
        if is_folder:
            return reading.stamp_of(Path(path)).size_bytes == source.size_bytes
        stamp = reading.file_stamp(status)
        is_like = stamp.matches(source) or (stamp.inode is not None and stamp.inode == source.inode)
        return is_like and reading.checksum(Path(path)) == source.checksum
    except (StorageError, OSError):  # it cannot be read now, so it may be the source
        return True
