"""The name of the person who acts, and where this account keeps what it remembers."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5


def current_user() -> str:
    """Return the name of the user who runs this program; with sudo, of the invoking user."""
    if person := os.environ.get("SUDO_USER"):
        return person
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def state_folder(subject: str) -> Path:
    """Return a folder of this account alone for what it remembers about something, such as an archive; it is created."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base, "pywats-archive", uuid5(NAMESPACE_URL, subject).hex)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
