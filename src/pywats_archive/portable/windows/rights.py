"""Who may read a file on Windows, or write to a folder: its access control list, read and set by Windows' own programs.

Accounts are compared by their numbers (SIDs), since their names depend on the language of Windows.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

Run = Callable[[list[str]], str]
"""Runs a program with these arguments and returns its output; OSError if it fails."""

_SYSTEM, _ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
_NUMBERS = {"SY": _SYSTEM, "BA": _ADMINISTRATORS, "LS": "S-1-5-19", "NS": "S-1-5-20"}
_NOBODY_ELSE = {_SYSTEM, _ADMINISTRATORS, "OW", "CO", "S-1-3-0", "S-1-3-4"}
"""SYSTEM, the administrators, and whoever owns or creates the file."""
_NAMES = {"WD": "everyone", "AU": "all signed-in accounts", "BU": "the group Users", "IU": "everyone at this computer"}
_READING = {"FA", "FR", "GA", "GR", "CC"}
_READING_BITS = 0x9000_0001
"""FILE_READ_DATA, GENERIC_READ and GENERIC_ALL (Win32, "Access mask format")."""
_TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
"""The account of Windows' own installations, which may change every program (Microsoft: service SIDs)."""
_WRITING = {"FA", "FW", "GA", "GW", "DC", "LC", "DT", "WD", "WO"}
_WRITING_BITS = 0x500C_0046
"""FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_DELETE_CHILD, WRITE_DAC, WRITE_OWNER, GENERIC_WRITE and GENERIC_ALL."""
_ENTRY = re.compile(r"\(([A-Z]+);([A-Z]*);([^;()]*);[^;()]*;[^;()]*;([^;()]+)")
"""An entry of a list as text: kind, flags, rights, two identifiers, account (Win32, "ACE strings")."""
_TIMEOUT_S = 20


def run(arguments: list[str]) -> str:
    """Run a program without a window."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(  # noqa: S603 (programs of Windows, by their whole path)
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            creationflags=flags,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise OSError(f"{arguments[0]} does not answer") from exc
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        message = " ".join((text + done.stderr.decode(errors="replace")).split())[:200]
        raise OSError(f"{arguments[0]} failed with {done.returncode}: {message}")
    return text


def keep_private(path: Path, *, run: Run = run) -> None:
    """Let only this account, the administrators and SYSTEM use a file, or a folder with all it will contain."""
    inherited = "(OI)(CI)" if path.is_dir() else ""
    accounts = dict.fromkeys((_SYSTEM, _ADMINISTRATORS, _own_number(run)))
    granted = [f"*{number}:{inherited}F" for number in accounts]
    run([_program("icacls.exe"), str(path.absolute()), "/inheritance:r", "/grant:r", *granted])


def others_who_may_read(path: Path, *, run: Run = run) -> tuple[str, ...]:
    """Return the other accounts and groups that may read a file or folder; OSError if Windows does not say."""
    return _others(path, _READING, _READING_BITS, run)


def others_who_may_write(folder: Path, *, run: Run = run) -> tuple[str, ...]:
    """Return the other accounts and groups that may put files into a folder; OSError if Windows does not say."""
    return tuple(each for each in _others(folder, _WRITING, _WRITING_BITS, run) if each != _TRUSTED_INSTALLER)


def _others(path: Path, letters: set[str], bits: int, run: Run) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as folder:
        saved = Path(folder, "rights")
        run([_program("icacls.exe"), str(path.absolute()), "/save", str(saved)])
        text = saved.read_bytes().decode("utf-16-le", errors="replace")
    own = _own_number(run)
    accounts = dict.fromkeys(_allowed(text, letters, bits))
    return tuple(_NAMES.get(each, each) for each in accounts if not _is_mine(each, own))


def _allowed(text: str, letters: set[str], bits: int) -> Iterator[str]:
    """Yield the accounts to which the saved list gives one of these rights; without a list, everyone has all."""
    _, begin, entries = text.partition("D:")
    if not begin or entries.startswith("NO_ACCESS_CONTROL"):
        yield "WD"
    for kind, flags, rights, account in _ENTRY.findall(entries):
        if kind in ("A", "XA") and "IO" not in flags and _has_any(rights, letters, bits):
            yield account


def _has_any(rights: str, letters: set[str], bits: int) -> bool:
    if rights.lower().startswith("0x"):
        return bool(int(rights, 16) & bits)
    return not letters.isdisjoint(re.findall("..", rights))


def _is_mine(account: str, own: str) -> bool:
    number = _NUMBERS.get(account, account)
    return number in _NOBODY_ELSE or number == own or (account == "LA" and own.endswith("-500"))


def _own_number(run: Run) -> str:
    found = re.search(r"S-1-[0-9-]+", run([_program("whoami.exe"), "/user", "/fo", "csv", "/nh"]))
    if not found:
        raise OSError("Windows does not say which account this is")
    return found.group()


def _program(name: str) -> str:
    """Return the path of a program of Windows, so that no other one of its name is started."""
    return str(PureWindowsPath(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", name))
