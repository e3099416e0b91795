"""The vault: where a station copies its archives, and how."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pywats_archive.config.loopback import is_loopback
from pywats_archive.config.server import stripped
from pywats_archive.redaction import know_address

OFF = "off"
"""Switches the vault off: an empty address counts as wiped by pyWATS, and the remembered one would be used."""
BUCKETS = ("s3", "az", "gs")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
_LONGEST_PREFIX = 200
_LATE_AFTER, _LATE_INTERVALS = timedelta(hours=1), 4


class VaultSettings(BaseModel):
    """The keys of the vault."""

    model_config = ConfigDict(frozen=True)

    vault_url: str = ""
    """A bucket with a prefix (``s3://bucket/prefix``, ``az://``, ``gs://``) or a folder; empty if there is none."""
    vault_endpoint: str = ""
    """The address of a server that speaks the protocol of S3, Azure or Google; empty for the cloud's own."""
    vault_region: str = ""
    vault_credentials: str = ""
    """A file that only this account may read; empty: the environment has the credentials."""
    vault_ca_file: str = ""
    """A file (PEM) with the certificates of the authorities that are trusted besides the system's."""
    vault_required: bool = Field(default=False, strict=True)
    """Whether nothing is purged that the vault has not confirmed (invariant 13)."""
    vault_interval_seconds: int = Field(default=900, ge=60, le=86_400, strict=True)
    """How long an event waits for its segment at most."""
    vault_segment_mb: int = Field(default=8, ge=1, le=32, strict=True)
    """The size at which a segment is closed, in 10⁶ bytes."""
    vault_max_mbit: float = Field(default=0, ge=0, le=100_000, strict=True)
    """The sending rate at most, in 10⁶ bits a second; 0: no limit."""

    @property
    def segment_bytes(self) -> int:
        """The size at which a segment is closed."""
        return self.vault_segment_mb * 1_000_000

    @property
    def late_after(self) -> timedelta:
        """How long an event may wait for the vault before that is a problem."""
        return max(_LATE_AFTER, timedelta(seconds=_LATE_INTERVALS * self.vault_interval_seconds))

    @property
    def bucket(self) -> SplitResult | None:
        """The address of the bucket (scheme, bucket and path); None for a folder, or without a vault."""
        parts = _split(self.vault_url)
        return parts if parts.scheme in BUCKETS else None

    @property
    def folder(self) -> Path | None:
        """The folder of the vault; None for a bucket, or without a vault."""
        return None if self.bucket or not self.vault_url else Path(self.vault_url)

    @field_validator("*", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    @field_validator("vault_url")
    @classmethod
    def _is_place(cls, url: str) -> str:
        if url.lower() in ("", OFF):
            return ""
        if "://" not in url:
            if not Path(url).is_absolute():
                raise ValueError("write the whole path of a folder, or an address such as s3://bucket/prefix")
            return str(Path(url))
        parts = _split(url)
        if parts.scheme not in BUCKETS:
            raise ValueError("write an address that begins with s3://, az:// or gs://, or a folder")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("write the bucket and a prefix only; credentials belong into the file vault_credentials")
        if (
            not _BUCKET.fullmatch(parts.netloc)
            or not _PREFIX.fullmatch(parts.path)
            or len(parts.path) > _LONGEST_PREFIX
        ):
            raise ValueError("write a bucket, and a prefix of letters, digits and ._-/ only")
        return url.rstrip("/")

    @field_validator("vault_endpoint")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if not address:
            return ""
        parts = _split(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("write an address that begins with https://")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("write the address only; credentials belong into the file vault_credentials")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("write https://; http:// would send everything in clear, and is for this computer alone")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _has_place(self) -> VaultSettings:
        if self.vault_required and not self.vault_url:
            raise ValueError(
                "vault_required is true, and vault_url names no vault; name one, or set vault_required to false"
            )
        return self


def know_credentials(fields: dict[str, Any]) -> None:
    """Redact credentials that somebody wrote into an address, even if the address is refused for them."""
    for key in ("vault_url", "vault_endpoint"):
        if isinstance(fields.get(key), str):
            know_address(key, fields[key])


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts
