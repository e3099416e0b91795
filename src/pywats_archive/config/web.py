"""Where the web pages are served."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class WebConfig(BaseModel):
    """The keys of the web pages; the options of ``web`` come before them."""

    model_config = ConfigDict(frozen=True)

    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8087, ge=0, le=65535, strict=True)
    web_certificate: str = ""
    web_key: str = ""
    web_names: tuple[str, ...] = ()

    @field_validator("web_names", mode="before")
    @classmethod
    def _is_list(cls, names: Any) -> Any:
        if not isinstance(names, (list, tuple)):
            raise ValueError("write a list of names")
        return names
