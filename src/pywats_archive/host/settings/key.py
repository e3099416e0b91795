"""The station's key: created beside its configuration, for this account alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import read_small
from pywats_archive.portable.private import create_private

KEY_FILE = "pywats-archive.key"
_KEY_BYTES = 32


def load_key(folder: Path) -> bytes:
    """Read the station's key beside its configuration; create it if there is none."""
    path = folder / KEY_FILE
    if not path.exists():
        _create(path)
    try:
        key = bytes.fromhex(read_small(path).decode("ascii").strip())
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise ConfigError(
            f"{path}: the key cannot be read ({reason}); restore it, or remove it to create a new one"
        ) from exc
    if len(key) < _KEY_BYTES:
        raise ConfigError(f"{path}: the key is too short; restore it, or remove it to create a new one")
    return key


def _create(path: Path) -> None:
    """Create the key file; a key that others may read is better than none, and ``doctor`` names it."""

    def warn_of_others(error: OSError) -> None:
        warn("key.not_private", path=str(path), reason=error.strerror or str(error))

    try:
        create_private(path, secrets.token_hex(_KEY_BYTES), on_shared=warn_of_others)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the key cannot be created ({exc.strerror}); check the folder and its rights"
        ) from exc
