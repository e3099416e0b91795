"""Where reports and alerts are sent."""

from __future__ import annotations

import string
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pywats_archive.redaction import know_address, know_token


class ServerConfig(BaseModel):
    """Where reports go and who sends them."""

    model_config = ConfigDict(frozen=True)

    service_address: str = ""
    api_token: str = Field(default="", repr=False)
    station_name: str = ""
    submit_timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    """How long the first try to send a report may take; after a time-out, the next try may take twice as long."""

    @field_validator("service_address", "api_token", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    def register_secrets(self) -> None:
        """Redact the token, and credentials in the address, from every text."""
        know_token("api_token", self.api_token)
        know_address("service_address", self.service_address)


def stripped(text: Any) -> Any:
    """Return a text without the whitespace or byte order mark that an editor or a script may leave around it."""
    return text.strip(_MARGIN) if isinstance(text, str) else text


_MARGIN = f"{string.whitespace}\ufeff\u200b\xa0\0"


class WebhookConfig(BaseModel):
    """Where alerts are posted, in pyWATS' own keys; empty addresses post nothing."""

    model_config = ConfigDict(frozen=True)

    webhook_converter_url: str = Field(default="", repr=False)
    webhook_service_url: str = Field(default="", repr=False)
    webhook_auth_header: str = ""
    webhook_auth_value: str = Field(default="", repr=False)

    @field_validator("*", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    def register_secrets(self) -> None:
        """Redact from every text the header's value, and what follows the host in an address: often there is a secret."""
        for value in (self.webhook_auth_value, self.webhook_auth_value.rpartition(" ")[2]):
            know_token("webhook_auth_value", value)
        for key in ("webhook_converter_url", "webhook_service_url"):
            know_address(key, getattr(self, key), is_secret=True)

    @field_validator("webhook_converter_url", "webhook_service_url")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("write an address that begins with https:// or http://")
        return address
