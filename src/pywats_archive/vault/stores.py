"""obstore's connection to a bucket, with this project's limits: TLS, retries only for reading, a time limit for each size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PATIENCE_S = 30.0
_SLOWEST_BYTES_S = 125_000
"""1 Mbit/s: what a slow line of a plant still has."""
_SIZES = (64_000, 1_000_000, 8_000_000, 64_000_000)
"""Requests of up to these sizes share connections; a larger file goes in parts."""
_CONNECT = timedelta(seconds=10)
_AGAIN: dict[str, Any] = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=15), "base": 2},
}
"""How often and for how long a request is sent again, if the server does not answer or is busy."""
Connect = Callable[[int], "ObjectStore"]
"""Returns the connection for a request with so many bytes."""


def connect(
    settings: VaultSettings,
    credentials: Mapping[str, str],
    *,
    patience_s: float = PATIENCE_S,
    tries_again: bool = False,
) -> Connect:
    """Return the connections to a bucket; nothing is asked yet. ConfigError if obstore is missing or refuses a value.

    With ``tries_again``, requests are repeated; use this only for reading.
    """
    common = _common(settings)

    @cache
    def of_size(size: int) -> ObjectStore:
        limit = timedelta(seconds=patience_s + size / _SLOWEST_BYTES_S)
        options = {**common, "timeout": limit, "connect_timeout": min(_CONNECT, limit)}
        return _store(settings, credentials, options, _AGAIN if tries_again else {"max_retries": 0})

    of_size(_SIZES[0])
    return lambda size_bytes: of_size(next((size for size in _SIZES if size_bytes <= size), _SIZES[-1]))


def _common(settings: VaultSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"allow_http": settings.vault_endpoint.startswith("http://")}
    if settings.vault_ca_file:
        try:
            options["root_certificate"] = read_small(Path(settings.vault_ca_file))
        except OSError as exc:
            raise ConfigError(f"{settings.vault_ca_file}: vault_ca_file cannot be read ({exc.strerror})") from exc
    return options


def _store(
    settings: VaultSettings, credentials: Mapping[str, str], options: dict[str, Any], retries: dict[str, Any]
) -> ObjectStore:
    try:
        from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 (an extra that few stations need)
    except ImportError as exc:
        raise ConfigError("a bucket as a vault needs pywats-archive[vault]; install it") from exc
    assert settings.bucket
    name, endpoint = settings.bucket.netloc, settings.vault_endpoint
    config: Any = dict(credentials)
    parts: dict[str, Any] = {"client_options": options, "retry_config": retries}
    try:
        if settings.bucket.scheme == "az":
            return AzureStore(name, config=config | ({"endpoint": endpoint} if endpoint else {}), **parts)
        if settings.bucket.scheme == "gs":
            return GCSStore(name, config=config | ({"base_url": endpoint} if endpoint else {}), **parts)
        config |= {"region": settings.vault_region or "us-east-1", "checksum_algorithm": "SHA256"}
        return S3Store(name, config=config | ({"endpoint": endpoint} if endpoint else {}), **parts)
    except Exception as exc:
        text = " ".join(str(exc).split())[:200]
        raise ConfigError(f"{settings.vault_url}: the keys of the vault cannot be used ({text}); check them") from exc
