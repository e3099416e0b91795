"""The token of the station's pages: whoever can read its file may use them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small, rename_exclusive
from pywats_archive.portable.names import unlink
from pywats_archive.portable.private import keep_private, others_who_may_read

TOKEN_FILE = "pywats-archive-web.token"  # noqa: S105 (a name)
_TOKEN_BYTES = 32


def load_token(folder: Path) -> str:
    """Read the token in a folder; create one that only this account may read if there is none."""
    path = folder / TOKEN_FILE
    try:
        if not path.exists():
            _create(path)
        if others := others_who_may_read(path):
            raise ConfigError(
                f"{path}: {', '.join(others)} may read the token; remove the file to make a new one for this account alone"
            )
        token = read_small(path).decode("ascii").strip()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise ConfigError(f"{path}: the token cannot be used ({reason}); check the folder and its rights") from exc
    if len(token) < _TOKEN_BYTES:
        raise ConfigError(f"{path}: the token is too short; remove the file to create a new one")
    return token


def _create(path: Path) -> None:
    """Create the file; one that another process created meanwhile stays."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            keep_private(partial)
            stream.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        try:
            rename_exclusive(partial, path)
        except FileExistsError:
            return
    finally:
        unlink(partial, missing_ok=True)
