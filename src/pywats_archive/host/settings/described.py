"""What holds for each converter of a configuration, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.keys import ARCHIVE_KEYS
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.configfile import check_document
from pywats_archive.host.settings.document import read_object, sections_of
from pywats_archive.models.settings.converters import ConverterSettings, Setting, SettingOrigin

_APART = ("name", "arguments")
_EMPTY = (None, "")


def described(path: Path) -> tuple[StationConfig, tuple[ConverterSettings, ...]]:
    """Read a configuration and the settings of each converter, without arguments; ConfigError if it is invalid."""
    document = read_object(path)
    station = check_document(path, document)
    remembered = state_file.recall(station.path, state_file.CONVERTERS)
    pairs = zip(station.converters, sections_of(document, path), strict=True)
    return station, tuple(
        ConverterSettings(
            name=config.name,
            archive=station.archive_root(config),
            settings=tuple(_settings(config, section, remembered.get(config.name, {}))),
        )
        for config, section in pairs
    )


def _settings(config: ConverterConfig, section: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[Setting]:
    values = config.model_dump(mode="json", exclude=set(_APART))
    for key in sorted(values, key=lambda each: each in ARCHIVE_KEYS):
        yield Setting(key=key, value=values[key], origin=_origin(key, section, kept))


def _origin(key: str, section: Mapping[str, Any], kept: Mapping[str, Any]) -> SettingOrigin:
    is_ours = key in ARCHIVE_KEYS
    if section.get(key) is not None and not (is_ours and section[key] in _EMPTY):
        return SettingOrigin.CONFIGURATION
    return SettingOrigin.STATE_FILE if is_ours and key in kept else SettingOrigin.DEFAULT
