"""The name of the person who acts."""

from __future__ import annotations

import getpass
import os


def current_user() -> str:
    """Return the name of the user who runs this program; with sudo, of the invoking user."""
    if person := os.environ.get("SUDO_USER"):
        return person
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
