"""Reading what a reader needs of a configuration, without pyWATS and without the check of all other keys."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from pywats_archive.config.keys import ARCHIVE_KEYS, meant_key
from pywats_archive.config.outline import ConverterOutline, StationOutline
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.document import FOLDERS, absolute_folders, read_object, register_secrets, sections_of
from pywats_archive.host.settings.foldernames import require_usable
from pywats_archive.portable.files import WINDOWS

_DEFAULTS = {field.name: field.default for field in fields(ConverterOutline) if field.name != "name"}
_KINDS = ("file", "folder", "scheduled")
_KNOWN = frozenset({*_DEFAULTS, *ARCHIVE_KEYS})


def read_outline(path: Path) -> StationOutline:
    """Read the folders of a configuration; what is not clear is left to ``read_station_config``, with its ConfigError.

    Faults of other keys are not found.
    """
    with suppress(ValueError, TypeError, OverflowError, RecursionError, OSError):
        if not path.is_symlink() and (outline := _read(path.absolute())):
            return outline
    from pywats_archive.host.settings.configfile import read_station_config  # noqa: PLC0415 (slow to import)

    return read_station_config(path).outline()


def _read(path: Path) -> StationOutline | None:
    document = read_object(path)
    register_secrets(document)
    remembered = state_file.recall(path, state_file.CONVERTERS)
    sections = [state_file.completed(section, remembered) for section in sections_of(document, path)]
    names = {section.get("name") for section in sections if _is_clear(section)}
    if len(names) < len(sections):
        return None
    return StationOutline(path=path, converters=tuple(_converter(section, path) for section in sections))


def _is_clear(section: dict[str, Any]) -> bool:
    """Whether each value has the type that it should have, so that nothing must be converted or refused."""
    if not section.get("name") or not isinstance(section["name"], str):
        return False
    if section.get("converter_type", "file") not in _KINDS or any(meant_key(key) for key in section.keys() - _KNOWN):
        return False
    return all(_is_like(section.get(key), default) for key, default in _DEFAULTS.items())


def _is_like(value: Any, default: object) -> bool:
    if isinstance(default, tuple):
        return value is None or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    return value is None or type(value) is type(default)


def _converter(section: dict[str, Any], path: Path) -> ConverterOutline:
    known = {key: section[key] for key in _DEFAULTS if section.get(key) is not None}
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in known.items()}
    folders: dict[str, str] = {key: values.get(key, "") for key in FOLDERS}
    for key, folder in folders.items():
        require_usable(key, folder, f"{path}: converter '{section['name']}'", base=path.parent, windows=WINDOWS)
    return ConverterOutline(name=section["name"], **{**values, **absolute_folders(folders, path.parent)})
