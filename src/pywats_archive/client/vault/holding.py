"""The part of the client that knows the vault of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline

if TYPE_CHECKING:
    from pywats_archive.archive.core import Archive
    from pywats_archive.client.contents import FromVault
    from pywats_archive.client.vault.station import StationVault
    from pywats_archive.replication.cache import FileCache


Guard = Callable[[], AbstractContextManager[None]]
"""Surrounds each read from the vault; TooManyAtOnce if too many files are being read."""


class Vaults:
    """The property ``vault``, and how entries are read from the vault."""

    _archives: OpenArchives
    _station: StationOutline | None
    actor: str
    _guard: Guard | None = nullcontext
    """None: no file is read from the vault."""
    _cache: FileCache | None = None
    """The cache of files from the vault; None if each is removed after it was read."""

    @property
    def vault(self) -> StationVault:
        """The vault to which the station copies its archives."""
        from pywats_archive.client.vault.station import StationVault

        config: Path | None = self._station.path if self._station else None
        return StationVault(config, self._archives.roots, lambda: self._archives.all, actor=self.actor)

    def _vault_of_station(self) -> FromVault | None:
        """Return how to read an entry from the vault; None if the configuration names none. ConfigError if it is invalid."""
        if self._station is None or self._guard is None:
            return None
        from pywats_archive.host.settings.groups import read_vault_settings
        from pywats_archive.replication.borrowing import borrowed
        from pywats_archive.vault.opening import open_vault

        config = self._station.path
        settings = read_vault_settings(config)
        if not settings.vault_url:
            return None
        vault, keys = open_vault(settings), config.parent
        if self._cache is not None:
            return partial(self._cache.borrowed, vault=vault, keys=keys, guard=self._guard)
        return partial(_guarded, self._guard, partial(borrowed, vault=vault, keys=keys))

    def _required_vault(self) -> str | None:
        """Return the vault that must have an entry before it is purged, as the configuration says now; None if none must."""
        if self._station is None:
            return None
        from pywats_archive.host.settings.groups import read_vault_settings

        settings = read_vault_settings(self._station.path)
        return settings.vault_url if settings.vault_required else None


V = TypeVar("V", bound=Vaults)


def with_guard(client: V, guard: Guard | None) -> V:
    """Return the same client, which reads files from the vault only within ``guard``, or not at all if that is None."""
    other = copy(client)
    other._guard = guard
    return other


def with_cache(client: V) -> tuple[V, FileCache]:
    """Return the same client with a cache of files from the vault, and the cache, which is to be closed at the end."""
    from pywats_archive.replication.cache import FileCache

    other = copy(client)
    other._cache = FileCache()
    return other, other._cache


@contextmanager
def _guarded(
    guard: Guard, fetch: FromVault, archive: Archive, archive_id: str, only: str | None = None
) -> Iterator[Archive]:
    with guard(), fetch(archive, archive_id, only) as fetched:
        yield fetched
