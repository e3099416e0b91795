"""The set-up of a station: the answers, the converters to choose from, and what is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterChoice:
    """A converter that a station can use."""

    class_name: str
    """Name of its class."""
    module_path: str
    """What ``module_path`` has to be."""
    about: str
    """What it says of itself; may be empty."""
    patterns: tuple[str, ...] = ()
    """The names of the files that it takes; empty if they are known only when it is loaded."""
    is_own: bool = False
    """Whether it is a file of the station, not one of pyWATS' standard converters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewConverter:
    """A converter to be added, which is archived."""

    name: str
    module_path: str
    watch_folder: str = ""
    converter_type: str = "file"
    post_action: str = "move"
    archive_folder: str = "archive"
    retention_days: int = 90
    max_archive_size_gb: float = 10.0
    archive_output_reports: bool = True
    encryption: bool = False
    given: tuple[str, ...] = ()
    """The keys that a person chose; a converter of this name that is there already must have their values."""

    def section(self) -> dict[str, Any]:
        """Return its section of the configuration; what decides whether a file is kept is written even if it is the default."""
        return {
            "name": self.name,
            "module_path": self.module_path,
            **({"watch_folder": self.watch_folder} if self.watch_folder else {}),
            "converter_type": self.converter_type,
            "post_action": self.post_action,
            "archive_enabled": True,
            "archive_folder": self.archive_folder,
            "archive_source_files": True,
            "archive_output_reports": self.archive_output_reports,
            **({"encryption": True} if self.encryption else {}),
            "on_archive_error": "hold",
            "purge_unsubmitted": False,
            "retention_days": self.retention_days,
            "max_archive_size_gb": self.max_archive_size_gb,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SetupAnswers:
    """What a station is to have; what is empty stays as it is."""

    service_address: str = ""
    api_token: str = field(default="", repr=False)
    station_name: str = ""
    converters_folder: str = ""
    anchor_folders: tuple[str, ...] = ()
    converters: tuple[NewConverter, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SetupPlan:
    """What the set-up would write."""

    path: Path
    """The configuration."""
    is_new: bool
    """Whether there is no such file yet."""
    checksum: str
    """``sha256:<hex>`` of the present file; empty if there is none."""
    added: tuple[str, ...]
    """Names of the converters that are added."""
    present: tuple[str, ...]
    """Names of the converters that the file has, in its order."""
    folders: tuple[Path, ...]
    """The watch folders that are created."""
    lines: tuple[str, ...]
    """The changes of the file as lines that begin with a space, ``+`` or ``-``; secrets are masked."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not self.lines


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """The key that signs the histories of a station."""

    path: Path
    """The private key, for this account alone."""
    public_key: Path
    """The public key, as ``openssl`` reads it; a copy elsewhere shows later that an anchor is of this station."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedSetup:
    """What the set-up wrote."""

    former: Path | None
    """The copy of the former file; None if there was none, or if nothing was written."""
    folders: tuple[Path, ...]
    """The watch folders that were created."""
    shared: str | None = None
    """Why other accounts may read the new file with its token; None if they may not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncryptionKeys:
    """The keys of encrypted archives."""

    identity_file: Path
    """The secret key of the station, with which its archives can be read."""
    recipients_file: Path
    """The public keys for which new blobs are encrypted."""
    recovery_key: str | None = field(repr=False)
    """The secret key for the day when the station is lost; stored nowhere. None if the keys were there already."""
