"""Time stamps of the history, from an authority (RFC 3161)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pywats_archive.config.server import stripped
from pywats_archive.redaction import know_address

OFF = "off"
"""Switches the time stamps off: an empty address counts as wiped by pyWATS, and the remembered one would be used."""


class TimeStampConfig(BaseModel):
    """The keys of time stamps."""

    model_config = ConfigDict(frozen=True)

    time_stamp_url: str = Field(default="", repr=False)
    """The address of the authority; empty if no time stamps are asked for."""
    time_stamp_certificates: str = ""
    """A file (PEM) with the certificates of authorities that are trusted."""

    def register_secrets(self) -> None:
        """Redact credentials in the address from every text."""
        know_address("time_stamp_url", self.time_stamp_url)

    @field_validator("*", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    @field_validator("time_stamp_url")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if address.lower() in ("", OFF):
            return ""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("write an address that begins with https:// or http://")
        return address
