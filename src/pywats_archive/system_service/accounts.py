"""The account under which a service runs."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.archive.folder.account import owner_of
from pywats_archive.config import StationConfig
from pywats_archive.errors import UsageError
from pywats_archive.portable.files import WINDOWS

LOCAL_SYSTEM = "LocalSystem"
_WITHOUT_PASSWORD = {"localsystem", "nt authority\\localservice", "nt authority\\networkservice"}


def account_of(station: StationConfig, named: str | None, *, windows: bool = WINDOWS) -> str:
    """Return the account of a station's service: the given one, else the owner of its archives.

    On Windows, LocalSystem unless another account is given. UsageError if there is no such account, or if the owner is root.
    """
    if windows:
        return LOCAL_SYSTEM if named is None or named.lower() == LOCAL_SYSTEM.lower() else named
    return _existing(named) if named else _owner(station)


def needs_password(account: str) -> bool:
    """Return whether Windows asks for the password of an account: not for its own, nor for virtual and managed ones."""
    name = account.lower()
    return not (name in _WITHOUT_PASSWORD or name.startswith("nt service\\") or name.endswith("$"))


def _existing(name: str) -> str:
    import pwd  # noqa: PLC0415 (there is none on Windows)

    try:
        return pwd.getpwnam(name).pw_name
    except KeyError as exc:
        raise UsageError(
            f"--account: there is no account '{name}'; create it first, such as with useradd --system"
        ) from exc


def _owner(station: StationConfig) -> str:
    roots = station.archive_roots() or (station.path.parent,)
    owners = {owner_of(Path(root)) for root in roots}
    names = {owner.name for owner in owners}
    name = names.pop() if len(names) == 1 else None
    if name is None or name == "root":
        whose = "root" if name else "several accounts, or to one without a name"
        raise UsageError(f"{roots[0]}: belongs to {whose}; name the account of the service with --account")
    return name
