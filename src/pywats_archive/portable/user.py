"""Accounts: who runs this program, who owns a file, and where this account keeps what it remembers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pywats_archive.portable.files import WINDOWS

UNKNOWN = "unknown"
_ROOT = "0"
_OWN = ("S-1-5-18", "S-1-5-32-544")
"""SYSTEM and the administrators (Microsoft: well-known SIDs)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """An account, by its number (POSIX: uid, Windows: SID) and its name."""

    number: str
    name: str

    @property
    def is_system(self) -> bool:
        """Whether it may change every file of the computer: root, SYSTEM or an administrator."""
        return self.number == _ROOT or self.number in _OWN


def current_user(*, windows: bool = WINDOWS) -> str:
    """Return the name of the user who runs this program; with sudo, of the invoking user.

    The account is that of the process: the variables LOGNAME, USER and USERNAME, which anyone can set, do not count.
    SUDO_USER counts: only an account that may write to the archive anyway is believed by the history.
    """
    if person := os.environ.get("SUDO_USER"):
        return person
    if windows:
        try:
            return os.getlogin()  # GetUserName (Win32), not a variable
        except OSError:
            return UNKNOWN
    return name_of(os.geteuid())


def current_actor() -> str:
    """Return the user who runs this program in the form that the history has."""
    return f"os:{current_user()}"


def name_of(uid: int) -> str:
    """Return the name of a POSIX account; its number if the system knows no name for it."""
    import pwd  # noqa: PLC0415 (there is none on Windows)

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def owner_of(path: Path, descriptor: int | None = None, *, windows: bool = WINDOWS, security: Any = None) -> Owner:
    """Return the owner of a file, of the open one if its ``descriptor`` is given (POSIX); OSError if the system has none.

    ``security`` is the module ``win32security``, unless a test has another one.
    """
    if windows:
        return _windows_owner(path, security or import_module("win32security"))
    uid = (os.lstat(path) if descriptor is None else os.fstat(descriptor)).st_uid
    return Owner(number=str(uid), name=name_of(uid))


def state_folder(subject: str) -> Path:
    """Return a folder of this account alone for what it remembers about something, such as an archive; it is created."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base, "pywats-archive", uuid5(NAMESPACE_URL, subject).hex)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _windows_owner(path: Path, security: Any) -> Owner:
    try:
        described = security.GetFileSecurity(str(path), security.OWNER_SECURITY_INFORMATION)
        account = described.GetSecurityDescriptorOwner()
        number = str(security.ConvertSidToStringSid(account))
    except Exception as exc:  # pywintypes.error is no OSError
        raise OSError(f"{path}: Windows does not say who owns it ({exc})") from exc
    try:
        name, domain, _ = security.LookupAccountSid(None, account)
    except Exception:  # an account that was removed, or of a domain that is not reachable
        return Owner(number=number, name=number)
    return Owner(number=number, name=f"{domain}\\{name}" if domain else str(name))
