"""The key store of the operating system: Windows Credential Manager, or Secret Service. Needs the extra ``key-store``."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from pywats_archive.errors import ConfigError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_NAME = "pywats-archive"


def require_key_store() -> None:
    """Store a text on trial; ConfigError says why this account has no key store that keeps it."""
    entry = f"trial-{uuid.uuid4().hex}"
    store(entry, entry)
    kept = fetch(entry)
    with suppress(Exception):
        _backend().delete_password(_NAME, entry)
    if kept != entry:
        raise ConfigError("the key store of the operating system does not return a stored value; leave --key-store out")


def store(entry: str, secret: str) -> None:
    """Store a secret for this account; ConfigError if there is no key store, or it refuses."""
    try:
        _backend().set_password(_NAME, entry, secret)
    except ConfigError:
        raise
    except Exception as exc:  # each backend has errors of its own
        raise _unusable(exc) from exc


def fetch(entry: str) -> str | None:
    """Return a secret of this account; None if there is none. ConfigError if there is no key store, or it refuses."""
    try:
        return _backend().get_password(_NAME, entry)
    except ConfigError:
        raise
    except Exception as exc:
        raise _unusable(exc) from exc


def _unusable(exc: Exception) -> ConfigError:
    cause = " ".join(str(exc).split())[:200] or type(exc).__name__
    return ConfigError(
        f"this account has no key store that can be used ({cause}); run it in a session that has one, or leave --key-store out"
    )


def _backend() -> KeyringBackend:
    try:
        import keyring  # noqa: PLC0415 (an extra)
    except ImportError as exc:
        raise ConfigError("the key store needs a further package; install 'pywats-archive[key-store]'") from exc
    return keyring.get_keyring()
