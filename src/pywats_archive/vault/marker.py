"""``vault.json``: the object that makes a place a vault, and names the format of its objects."""

from __future__ import annotations

import json

from pywats_archive.errors import KeyMissing, KeyTaken, NewerFormat, VaultError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.vault.store import MARKER, Vault

FORMAT_VERSION = 1
_LONGEST_BYTES = 10_000


def create(vault: Vault, *, clock: Clock = utc_now) -> bool:
    """Make a place a vault, durably; False if it was one already. VaultError or NewerFormat if it cannot be used."""
    fields = {"format_version": FORMAT_VERSION, "created_at": clock().isoformat(timespec="seconds")}
    try:
        vault.put_new(MARKER, json.dumps(fields, indent=2).encode() + b"\n")
    except KeyTaken:
        require(vault)
        return False
    return True


def require(vault: Vault) -> None:
    """Raise VaultError if the place is not a vault, and NewerFormat if a later version of this program made it one."""
    place = f"{vault.url}: {MARKER}"
    try:
        version = json.loads(vault.get(MARKER, length=_LONGEST_BYTES))["format_version"]
    except KeyMissing as exc:
        raise VaultError(
            f"{vault.url}: is not a vault; check vault_url, or create one with 'pywats-archive vault init'"
        ) from exc
    except (ValueError, LookupError, TypeError) as exc:
        raise VaultError(f"{place} is not what 'pywats-archive vault init' writes; name another place") from exc
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise NewerFormat(f"{place}: format {version} is newer than {FORMAT_VERSION}; update pywats-archive")
