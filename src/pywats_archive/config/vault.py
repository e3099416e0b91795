"""The vault: where a station copies its archives, and how."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class VaultSettings(BaseModel):
    """The keys of the vault."""

    model_config = ConfigDict(frozen=True)

    vault_url: str = ""
    """A bucket with a prefix (``s3://bucket/prefix``, ``az://``, ``gs://``) or a folder; empty if there is none."""
    vault_endpoint: str = ""
    """The address of a server that speaks S3 or Azure's protocol; empty for the cloud's own."""
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
    vault_max_mbit: float = Field(default=0, ge=0, le=100_000)
    """The sending rate at most, in 10⁶ bits a second; 0: no limit."""
