"""A new vault, and the rights that a station needs in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultRights:
    """The least rights of the key that the station of an archive uses."""

    archive_uuid: str
    """The archive; ``ARCHIVE-UUID`` while the station has none."""
    document: str
    """The text for whoever administers the vault: a policy or role of the provider, or the rights on a share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InitializedVault:
    """A vault that was created, or found."""

    url: str
    """Where it is."""
    is_new: bool
    """False if it was a vault already."""
    rights: tuple[VaultRights, ...]
    """One for each archive."""
