"""A cache of files from the vault: a page or a download reads the same file once for each part that it shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica.fetched import FetchedArchive
from pywats_archive.portable import names
from pywats_archive.replication.borrowing import fetch, wanted_of

if TYPE_CHECKING:
    from pywats_archive.portable.scratch import Scratch
    from pywats_archive.vault.store import Vault

_LIMIT_BYTES = 256_000_000
_AGE_S, _CHECK_S = 120.0, 10.0
_Key = tuple[Path, str, str, str | None]


@dataclass(kw_only=True, eq=False)
class _Cached:
    """The blobs of one entry in a folder, as the archive has them: compressed, and encrypted if it is."""

    key: _Key
    archive: Archive
    folder: Path
    place: str
    """The vault that they come from, with the repairs in it that were read."""
    size_bytes: int
    used_s: float
    users: int = 1


@dataclass
class FileCache:
    """Lends files from the vault, and keeps each for two minutes after its last use; safe to use from many threads.

    They are in a private folder, which is removed by ``close``, at the end of the process, or after a kill by the next process.
    Files of an entry are no longer lent once its erasure has begun, and are removed within ten seconds.
    """

    limit_bytes: int = _LIMIT_BYTES
    """The size of all files; more only while they are read."""
    check_s: float = _CHECK_S
    now_s: Callable[[], float] = time.monotonic
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _files: dict[_Key, _Cached] = field(default_factory=dict)
    _scratch: Scratch | None = None
    _timer: threading.Timer | None = None

    @contextmanager
    def borrowed(
        self,
        archive: Archive,
        archive_id: str,
        only: str | None = None,
        *,
        vault: Vault,
        keys: Path | None,
        guard: Callable[[], AbstractContextManager[None]],
    ) -> Iterator[Archive]:
        """Let the block read an entry as ``borrowed`` does; ``guard`` surrounds it only if the vault is asked."""
        wanted = wanted_of(archive, archive_id, only)
        key = (archive.root, vault.url, archive_id, only)
        with ExitStack() as using:
            cached = self._in_use(key)
            if cached is None:
                using.enter_context(guard())
                cached = self._fetched(key, archive, wanted, vault)
            using.callback(self._release, cached)
            yield FetchedArchive(archive, cached.folder, vault=cached.place, keys=keys)

    def close(self) -> None:
        """Remove all files; idempotent."""
        with self._mutex:
            if self._timer:
                self._timer.cancel()
            if self._scratch:
                self._scratch.close()
            self._files, self._timer, self._scratch = {}, None, None

    def _in_use(self, key: _Key) -> _Cached | None:
        with self._mutex:
            cached = self._files.get(key)
            if cached is None or not cached.folder.is_dir():
                return None
            cached.users += 1
            return cached

    def _fetched(self, key: _Key, archive: Archive, wanted: frozenset[str], vault: Vault) -> _Cached:
        folder = self._folder()
        try:
            place = fetch(archive, key[2], wanted, vault, folder)
            size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        except BaseException:
            names.remove_tree(folder, ignore_errors=True)
            raise
        made = _Cached(key=key, archive=archive, folder=folder, place=place, size_bytes=size, used_s=self.now_s())
        with self._mutex:
            if size <= self.limit_bytes:
                self._files.setdefault(key, made)  # another request may have fetched it meanwhile
        return made

    def _folder(self) -> Path:
        from pywats_archive.portable.scratch import Scratch  # noqa: PLC0415 (slow to import, and seldom needed)

        with self._mutex:
            self._scratch = self._scratch or Scratch()
            return self._scratch.make()

    def _release(self, cached: _Cached) -> None:
        with self._mutex:
            cached.users, cached.used_s = cached.users - 1, self.now_s()
            if self._files.get(cached.key) is not cached:
                self._remove_unused(cached)
            self._trim()

    def _trim(self) -> None:
        """Remove the files that were not used lately, and the oldest beyond the limit; check again later if any remain."""
        total = sum(each.size_bytes for each in self._files.values())
        for each in sorted(self._files.values(), key=lambda each: each.used_s):
            is_over = total > self.limit_bytes or self.now_s() - each.used_s > _AGE_S
            if is_over and not each.users:
                total -= self._files.pop(each.key).size_bytes
                self._remove_unused(each)
        if self._files and self._timer is None:
            self._timer = threading.Timer(self.check_s, self._check)
            self._timer.daemon = True
            self._timer.start()

    def _check(self) -> None:
        with self._mutex:
            known = list(self._files.values())
        erased = [each for each in known if not _is_readable(each)]
        with self._mutex:
            self._timer = None
            for each in erased:
                if self._files.get(each.key) is each:
                    del self._files[each.key]
                    self._remove_unused(each)
            self._trim()

    def _remove_unused(self, cached: _Cached) -> None:
        if not cached.users:
            names.remove_tree(cached.folder, ignore_errors=True)


def _is_readable(cached: _Cached) -> bool:
    """Whether an entry may still be read; not if its erasure has begun, or if the archive cannot say."""
    with suppress(Exception):
        return bool(wanted_of(cached.archive, cached.key[2], cached.key[3]))
    return False
