"""The results of copying to the vault, of checking it, and of restoring from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pywats_archive.models.operation.statistics import OpenAlert


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultLag:
    """How far the vault has one archive."""

    archive: str
    """The folder of the archive."""
    last: int
    """The number of the last event that the vault is known to have; 0 if none."""
    newest: int
    """The number of the newest event."""
    events: int
    """How many events wait."""
    size_bytes: int
    """The disk space of the entries that wait."""
    minutes: float
    """The age of the oldest event that waits."""
    late: bool
    """Whether it waits for too long: for more than an hour, or four times ``vault_interval_seconds`` if that is longer."""
    shipped_at: datetime | None
    """When the files of the last segment were read."""
    confirmed: int | None
    """The number of the last event that the vault confirmed, for ``vault_required``; None if the vault was never asked."""
    confirmed_at: datetime | None
    """When the vault was asked last."""
    expected: int | None
    """The number of the last event that was copied by then; more than ``confirmed`` if the vault lacks a segment."""
    required: bool
    """Whether nothing is purged that the vault has not confirmed (``vault_required``)."""
    overdue: bool
    """Whether nothing is purged at present: ``required`` is set, and the vault confirmed nothing within the last day."""
    lacking: tuple[str, ...]
    """Blobs that the vault does not have: they were missing or damaged when they were to be copied, or it lost them."""
    alerts: tuple[OpenAlert, ...]
    """The open alerts on the copies of this archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultStatus:
    """How far the vault has the archives of a station. Nothing is asked over the network."""

    vault: str
    """Where the vault is."""
    archives: tuple[VaultLag, ...]
    """One for each archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedArchive:
    """The segments of one archive that were copied to the vault."""

    archive: str
    """The folder of the archive."""
    segments: int
    """How many segments were stored."""
    size_bytes: int
    """Their size, without blobs that are objects of their own."""
    last: int
    """The number of the last event that the vault has now."""
    confirmed: int | None
    """Up to which event the vault has confirmed the history; null without ``vault_required``."""
    expected: int | None
    """The number of the last event that was copied before that; null without ``vault_required``."""
    absent: dict[str, str]
    """Blobs that the vault does not have, each with the reason: ``missing`` or ``damaged`` in the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """The result of copying archives to the vault."""

    vault: str
    """Where the vault is."""
    archives: tuple[PushedArchive, ...]
    """One for each archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedCopy:
    """The result of a check of one archive in the vault."""

    archive: str
    """The folder of the archive."""
    segments: int
    """How many segments the vault has of its present history."""
    files: int
    """How many files in them were read from end to end."""
    last: int
    """The number of the last event in the vault."""
    problems: tuple[str, ...]
    """Damaged and missing parts of the vault, and differences between its history and that of the archive."""
    repaired: tuple[str, ...] = ()
    """Damaged and missing objects that are no problem, since the vault has an intact repair of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedVault:
    """The result of a check of the vault."""

    vault: str
    """Where the vault is."""
    archives: tuple[VerifiedCopy, ...]
    """One for each archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredArchive:
    """An archive that was restored from the vault."""

    archive: str
    """Its folder."""
    archive_uuid: str
    """The uuid in its ``archive.json``."""
    station: str
    """The computer that shipped the last segment."""
    segments: int
    """How many segments it was restored from."""
    entries: int
    """How many entries it has, purged ones included."""
    events: int
    """The number of its last event in the vault."""
    ended_at: datetime
    """The time of that event. Later ones are lost; files that are still in the watch folder are archived again."""
    files: int
    """How many files were written."""
    absent: tuple[str, ...]
    """Blobs that the vault does not have, since they were missing or damaged at the station."""
    problems: tuple[str, ...]
    """Damaged parts of the vault, gaps in the history, and files that are in no segment."""
    remarks: tuple[str, ...] = ()
    """Repairs in the vault that were used, and other histories of the archive, which were not restored."""
