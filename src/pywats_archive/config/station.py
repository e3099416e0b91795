"""The configuration of a station: its server, its webhooks and its converters."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pywats_archive.config.converter import ConverterConfig
from pywats_archive.config.outline import StationOutline, archive_root
from pywats_archive.config.server import ServerConfig, WebhookConfig
from pywats_archive.config.time_stamps import TimeStampConfig
from pywats_archive.config.vault import VaultSettings
from pywats_archive.config.web import WebConfig


class StationConfig(BaseModel):
    """The content of one configuration file, with absolute paths."""

    model_config = ConfigDict(frozen=True)

    path: Path
    converters_folder: Path
    server: ServerConfig
    webhook: WebhookConfig = WebhookConfig()
    web: WebConfig = WebConfig()
    backup_folder: Path | None = None
    """Where copies of the catalogs are kept beside those in the archives."""
    anchor_folders: tuple[Path, ...] = ()
    """Folders for signed heads of the histories."""
    anchor_interval_hours: float = Field(default=1.0, ge=0.1, le=168)
    time_stamps: TimeStampConfig = TimeStampConfig()
    vault: VaultSettings = VaultSettings()
    converters: tuple[ConverterConfig, ...]

    def archive_root(self, converter: ConverterConfig) -> Path:
        """Return the folder of a converter's archive."""
        return archive_root(self.path, converter.archive_folder)

    def archive_roots(self, *, even_unused: bool = False) -> tuple[Path, ...]:
        """Return each archive in use once, in the order of the file; with ``even_unused``, those of disabled converters too."""
        return self.outline().archive_roots(even_unused=even_unused)

    def min_free_gb(self, root: Path) -> tuple[float | None, ...]:
        """Return ``min_free_gb`` of each converter that uses the archive at ``root``."""
        sharing = (c for c in self.converters if c.enabled and c.archive_enabled and self.archive_root(c) == root)
        return tuple(converter.min_free_gb for converter in sharing)

    def is_encrypted(self, root: Path) -> bool:
        """Whether a converter that uses the archive at ``root`` requires that it is encrypted."""
        return any(c.archive_enabled and c.encryption and self.archive_root(c) == root for c in self.converters)

    def outline(self) -> StationOutline:
        """Return what a reader needs of it."""
        return StationOutline(path=self.path, converters=tuple(converter.outline() for converter in self.converters))

    def converter(self, name: str) -> ConverterConfig | None:
        """Return the section of the converter called ``name``, if there is one."""
        return next((c for c in self.converters if c.name == name), None)
