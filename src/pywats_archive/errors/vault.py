"""Errors of the vault: the bucket or folder to which a station copies its archive."""

from __future__ import annotations

from pywats_archive.errors.root import ArchiveError


class VaultError(ArchiveError):
    """The vault cannot be used."""


class VaultAway(VaultError):
    """The vault does not answer; try again later."""


class VaultRefused(VaultError):
    """The vault refused the request; check the key and its rights."""

    def __init__(self, message: str | None = None, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code
        """The server's own word for it, such as AccessDenied; empty for a folder."""


class VaultClockOff(VaultError):
    """The clock of this computer is wrong, and the vault refuses its requests; set the clock."""


class KeyTaken(VaultError):
    """The vault has an object under this key already; nothing was replaced."""


class KeyMissing(VaultError):
    """The vault has no object under this key."""


class SegmentDamaged(VaultError):
    """A segment in the vault cannot be read."""


class AnotherHistory(VaultError):
    """The vault has another history under this archive's name: one of two archives is a copy, or an older state."""
