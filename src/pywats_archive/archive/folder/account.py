"""The account that owns an archive: files written by another account could not be purged, verified or sent by the owner."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.folder import layout
from pywats_archive.errors import WrongAccount
from pywats_archive.portable import names
from pywats_archive.portable.files import WINDOWS

_ROOT = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account of a POSIX system."""

    uid: int
    gid: int
    name: str | None = None
    """None if the system knows no name for it."""

    @property
    def sudo_name(self) -> str:
        """The account in the form that sudo accepts."""
        return self.name or f"#{self.uid}"


def owner_of(root: Path) -> Account:
    """Return the account that owns an archive; for a new one, the account of the nearest existing folder."""
    status = _status(root)
    return Account(uid=status.st_uid, gid=status.st_gid, name=_name(status.st_uid))


def _status(root: Path) -> os.stat_result:
    known = root / layout.DESCRIPTION
    return next(each for each in (known, root, *root.parents) if each.exists()).stat()


def require_owner(root: Path, *, windows: bool = WINDOWS) -> None:
    """Raise WrongAccount unless files created at ``root`` belong to the archive's account; no check on Windows.

    Any account may create an archive in a folder that it may write to; root only in a folder of its own. The system is asked
    for names of accounts only for the error message: a directory service may take long to answer.
    """
    if windows:
        return
    uid, mine = _status(root).st_uid, os.geteuid()
    is_new = not (root / layout.DESCRIPTION).exists()
    if uid == mine or (is_new and mine != _ROOT) or _becomes_owned_by(root, uid):
        return
    owner = owner_of(root)
    raise WrongAccount(
        f"{root}: belongs to the account '{owner.sudo_name}', and this is '{_name(mine) or mine}', whose files that "
        f"account could not purge, verify or send; use 'sudo -u {owner.sudo_name} pywats-archive ...', or as root --as-owner"
    )


def _becomes_owned_by(root: Path, uid: int) -> bool:
    """Whether a file created there belongs to this account anyway, as on shares that know one account only."""
    probe = next(each for each in (root, *root.parents) if each.exists()) / f".{os.getpid()}-account.part"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return False
    try:
        return probe.stat().st_uid == uid
    finally:
        names.unlink(probe, missing_ok=True)


def become(account: Account) -> None:
    """Become another account permanently; only as root. POSIX."""
    import pwd  # noqa: PLC0415 (there is none on Windows)

    if account.name:
        entry = pwd.getpwnam(account.name)
        os.initgroups(account.name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.environ["HOME"] = entry.pw_dir
    else:
        os.setgroups([])
        os.setgid(account.gid)
    os.setuid(account.uid)


def _name(uid: int) -> str | None:
    import pwd  # noqa: PLC0415 (there is none on Windows)

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
