"""The vault in words."""

from __future__ import annotations


def from_vault(what: str, vault: str) -> str:
    """Return the line that says that bytes were read from a vault."""
    return f"{what}: its files are not in the archive any more; read from the vault {vault}"
