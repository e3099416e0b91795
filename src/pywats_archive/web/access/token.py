"""The token of the station's pages: whoever can read its file may use them."""

from __future__ import annotations

import secrets
from pathlib import Path

from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small
from pywats_archive.portable.private import create_private, others_who_may_read

TOKEN_FILE = "pywats-archive-web.token"  # noqa: S105 (a name)
_TOKEN_BYTES = 32


def load_token(folder: Path) -> str:
    """Read the token in a folder; create one that only this account may read if there is none."""
    path = folder / TOKEN_FILE
    try:
        if not path.exists():
            create_private(path, secrets.token_urlsafe(_TOKEN_BYTES))
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
