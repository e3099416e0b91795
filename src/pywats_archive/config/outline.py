"""What a reader needs of a configuration: the folders of its converters, and no keys that decide what is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterOutline:
    """Where a converter's sources come from and where they are archived, as its ``ConverterConfig`` says it."""

    name: str
    watch_folder: str = ""
    done_folder: str = ""
    error_folder: str = ""
    pending_folder: str = ""
    converter_type: str = "file"
    enabled: bool = True
    file_patterns: tuple[str, ...] = ("*.*",)
    folder_patterns: tuple[str, ...] = ("*",)
    archive_enabled: bool = False
    archive_folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StationOutline:
    """The converters of one configuration file."""

    path: Path
    converters: tuple[ConverterOutline, ...]

    def archive_root(self, converter: ConverterOutline) -> Path:
        """Return the folder of a converter's archive."""
        return archive_root(self.path, converter.archive_folder)

    def archive_roots(self, *, even_unused: bool = False) -> tuple[Path, ...]:
        """Return each archive in use once, in the order of the file; with ``even_unused``, those of disabled converters too."""
        roots = (self.archive_root(c) for c in self.converters if c.archive_enabled or even_unused)
        return tuple(dict.fromkeys(roots))


def archive_root(config: Path, archive_folder: str) -> Path:
    """Return the folder that ``archive_folder`` in a configuration file names."""
    return config.parent / (archive_folder or "archive")
