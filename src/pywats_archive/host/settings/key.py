"""The station's key: created beside its configuration, for this account alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import read_small, rename_exclusive, sync_folder
from pywats_archive.portable.names import unlink
from pywats_archive.portable.private import keep_private

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
    """Create the key file; one that another process created meanwhile stays."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            _keep_private(partial)
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            rename_exclusive(partial, path)
        sync_folder(path.parent)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the key cannot be created ({exc.strerror}); check the folder and its rights"
        ) from exc
    finally:
        unlink(partial, missing_ok=True)


def _keep_private(path: Path) -> None:
    """Take the key from other accounts; a key that others may read is better than none, and ``doctor`` names it."""
    try:
        keep_private(path)
    except OSError as exc:
        warn("key.not_private", path=str(path), reason=exc.strerror or str(exc))
