"""The configuration of a station: its server, its webhooks and its converters."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pywats_archive.config.converter import ConverterConfig
from pywats_archive.config.server import ServerConfig, WebhookConfig


class StationConfig(BaseModel):
    """The content of one configuration file, with absolute paths."""

    model_config = ConfigDict(frozen=True)

    path: Path
    converters_folder: Path
    server: ServerConfig
    webhook: WebhookConfig = WebhookConfig()
    converters: tuple[ConverterConfig, ...]

    def archive_root(self, converter: ConverterConfig) -> Path:
        """Return the folder of a converter's archive."""
        base = self.path.parent
        return base / converter.archive_folder if converter.archive_folder else base / "archive"

    def archive_roots(self, *, even_unused: bool = False) -> tuple[Path, ...]:
        """Return each archive in use once, in the order of the file; with ``even_unused``, those of disabled converters too."""
        roots = (self.archive_root(c) for c in self.converters if c.archive_enabled or even_unused)
        return tuple(dict.fromkeys(roots))

    def converter(self, name: str) -> ConverterConfig | None:
        """Return the section of the converter called ``name``, if there is one."""
        return next((c for c in self.converters if c.name == name), None)
