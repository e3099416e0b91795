"""Reading a station's configuration as pyWATS writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.converter import parse_converter
from pywats_archive.config.keys import STATION_KEYS
from pywats_archive.config.server import ServerConfig, WebhookConfig
from pywats_archive.errors import ConfigError
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.document import (
    FOLDERS,
    SIBLINGS,
    absolute_folders,
    read_object,
    register_secrets,
    sections_of,
    text_of,
)
from pywats_archive.host.settings.foldernames import anchor_folders_of, backup_folder_of, require_usable
from pywats_archive.host.settings.groups import time_stamp_config_of, vault_settings_of, web_config_of
from pywats_archive.host.settings.neighbours import real, require_apart
from pywats_archive.portable.files import WINDOWS
from pywats_archive.redaction import redacted

_SERVER_KEYS = (
    "station_name_source",
    "multi_station_enabled",
    "active_station_key",
    "station_presets",
    "registration_enabled",
)
_FILES_OF_ARCHIVE = ("archive.json", "metadata.db")


def read_station_config(path: Path, *, remember: bool = False) -> StationConfig:
    """Read and check a configuration; ConfigError names file, place, converter, key and the valid values.

    ``remember``: write the keys that pyWATS drops to the state file, if the configuration is usable; only the service does.
    Any other error caused by its content is a ConfigError too.
    """
    return _usable(path, lambda: _read(path.absolute(), read_object(path.absolute()), remember=remember))


def check_document(path: Path, document: dict[str, Any]) -> StationConfig:
    """Check a configuration that its file does not have yet, as ``read_station_config`` does."""
    return _usable(path, lambda: _read(path.absolute(), document, remember=False))


def _usable(path: Path, read: Callable[[], StationConfig]) -> StationConfig:
    try:
        return read()
    except (ValueError, TypeError, OverflowError, RecursionError, OSError) as exc:
        detail = " ".join(redacted(str(exc)).split())[:200]
        raise ConfigError(f"{path}: cannot be used ({type(exc).__name__}: {detail}); correct it") from exc


def _read(path: Path, document: dict[str, Any], *, remember: bool) -> StationConfig:
    fields = state_file.completed_station(path, document)
    register_secrets(fields)
    sections = sections_of(fields, path)
    remembered = state_file.recall(path, state_file.CONVERTERS)
    converters_folder = text_of(fields, "converters_folder", path, default="converters")
    require_usable("converters_folder", converters_folder, str(path), base=path.parent, windows=WINDOWS)
    station = StationConfig(
        path=path,
        converters_folder=path.parent / converters_folder,
        server=_server(fields, path),
        webhook=_webhook(fields, path),
        web=web_config_of(fields, path),
        backup_folder=backup_folder_of(fields, path),
        anchor_folders=anchor_folders_of(fields, path),
        anchor_interval_hours=_anchor_interval_hours(fields, path),
        time_stamps=time_stamp_config_of(fields, path),
        vault=vault_settings_of(fields, path),
        converters=tuple(_converter(state_file.completed(section, remembered), path) for section in sections),
    )
    _check(station)
    _check_required(station)
    _check_way(station, sections, fields)
    if remember:
        state_file.remember_sections(path, sections)
        state_file.remember_station(path, fields)
    return station


def _converter(section: dict[str, Any], path: Path) -> ConverterConfig:
    parsed = parse_converter({k: v for k, v in section.items() if v is not None}, file=path)
    for key in FOLDERS:
        require_usable(
            key, getattr(parsed, key), f"{path}: converter '{parsed.name}'", base=path.parent, windows=WINDOWS
        )
    folders = {key: getattr(parsed, key) for key in FOLDERS}
    return parsed.model_copy(update=absolute_folders(folders, path.parent))


def _webhook(fields: dict[str, Any], path: Path) -> WebhookConfig:
    wanted = {key: text_of(fields, key, path) for key in WebhookConfig.model_fields}
    try:
        return WebhookConfig(**wanted)
    except ValidationError as exc:
        fault = exc.errors()[0]
        raise ConfigError(f"{path}: {fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}") from exc


def _server(fields: dict[str, Any], path: Path) -> ServerConfig:
    """Return pyWATS' own keys as pyWATS resolves them: with environment variables, station presets and registration."""
    wanted = {key: fields[key] for key in _SERVER_KEYS if key in fields}
    for key in ("service_address", "api_token", "station_name"):
        wanted[key] = text_of(fields, key, path)
    try:
        client = pywats_module("pywats_client.core.config").ClientConfig.from_dict(wanted)
        address, token = _registered(path) if client.registration_enabled else client.get_runtime_credentials()
        name = client.get_effective_station_name()
    except (TypeError, AttributeError) as exc:
        raise ConfigError(f"{path}: the station's own keys cannot be read ({exc}); correct them in pyWATS") from exc
    ours = {key: fields[key] for key in STATION_KEYS if fields.get(key) not in (None, "")}
    try:
        server = ServerConfig(
            service_address=str(address or ""), api_token=str(token or ""), station_name=str(name or ""), **ours
        )
    except ValidationError as exc:
        fault = exc.errors()[0]
        raise ConfigError(f"{path}: {fault['loc'][0]} = {fault['input']!r}: {fault['msg'].lower()}") from exc

    server.register_secrets()
    return server


def _anchor_interval_hours(fields: dict[str, Any], path: Path) -> float:
    value = fields.get("anchor_interval_hours")
    if value in (None, ""):
        return 1.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.1 <= value <= 168:
        raise ConfigError(f"{path}: anchor_interval_hours = {value!r}: write a number from 0.1 to 168")
    return float(value)


def _registered(path: Path) -> tuple[str, str]:
    """Return the credentials from this client's registration; empty if it was never registered."""
    registration = pywats_module("pywats_client.service.client_registration").ClientRegistration(path.parent)
    known = registration.get_credentials()
    return (known.base_url, known.basic_token) if known else ("", "")


def _check(station: StationConfig) -> None:
    names = [converter.name for converter in station.converters]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{station.path}: two converters are called '{name}'; give each a name of its own")
    archives = [real(root) for root in station.archive_roots()]
    for converter in station.converters:
        if converter.watch_folder:
            _check_apart(station, converter, archives)
            _require_other_folders(station, converter)
    _check_outside(station, archives)
    require_apart(station)


def _check_required(station: StationConfig) -> None:
    """Refuse a converter that may convert a file without archiving it, where the state file requires that none does.

    The rule beside the file counts too where the configuration is read by a link to it.
    """
    ruled = [path for path in (station.path, station.path.resolve()) if state_file.is_archive_required(path)]
    if not ruled:
        return
    for converter in (each for each in station.converters if each.enabled):
        wanted = {"archive_enabled": True, "archive_source_files": True, "on_archive_error": "hold"}
        for key, value in wanted.items():
            if getattr(converter, key) != value:
                found, needed = (json.dumps(each) for each in (getattr(converter, key), value))
                raise ConfigError(
                    f"{station.path}: converter '{converter.name}': {key} is {found}, and "
                    f"{state_file.state_path(ruled[0])} requires that every converter is archived; set {key} to {needed}, "
                    "or disable the converter"
                )


def _check_way(station: StationConfig, sections: Sequence[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Refuse a link to a configuration with relative folders, since they would be other folders than by its own path.

    A station that already ran by this path may continue, since its files are there.
    """
    path = station.path
    itself = path.resolve()
    if not path.is_symlink() or itself.parent == path.parent.resolve() or state_file.state_path(path).exists():
        return
    named = [fields.get("converters_folder") or "/", *(section.get(key) for section in sections for key in FOLDERS)]
    uses_default = any(each.archive_enabled and not each.archive_folder for each in station.converters)
    if uses_default or any(isinstance(name, str) and name and not Path(name).is_absolute() for name in named):
        raise ConfigError(
            f"{path}: is a link to {itself}, and its relative folders would be other folders here, with a second archive; "
            "name the file itself, or write absolute paths"
        )


def _check_apart(station: StationConfig, converter: ConverterConfig, archives: Sequence[Path]) -> None:
    """Refuse an archive in a watch folder of any converter, or the other way round."""
    watch = real(converter.watch_folder)
    if found := next(filter(_is_archive, (watch, *watch.parents)), None):
        raise ConfigError(
            f"{station.path}: converter '{converter.name}': watch_folder {watch} lies in the archive {found}, whose files "
            "would be taken as sources; watch another folder"
        )
    for archive in archives:
        if archive.is_relative_to(watch) or watch.is_relative_to(archive):
            raise ConfigError(
                f"{station.path}: converter '{converter.name}': archive_folder {archive} and watch_folder {watch} lie "
                "within each other; keep them apart"
            )


def _is_archive(folder: Path) -> bool:
    """Whether a folder is an archive, also one that no converter uses now."""
    with suppress(OSError):
        return all((folder / name).is_file() for name in _FILES_OF_ARCHIVE)
    return False


def _check_outside(station: StationConfig, archives: Sequence[Path]) -> None:
    """Refuse a folder for copies, anchors or the vault in an archive, whose disk it is lost with, or in a watch folder."""
    named = [("backup_folder", station.backup_folder)] if station.backup_folder else []
    named += [("anchor_folders", folder) for folder in station.anchor_folders]
    named += [("vault_url", station.vault.folder)] if station.vault.folder else []
    for key, folder in named:
        for other in (*archives, *(real(each.watch_folder) for each in station.converters if each.watch_folder)):
            if real(folder).is_relative_to(other):
                raise ConfigError(
                    f"{station.path}: {key} {real(folder)} lies in {other}; name a folder on another disk"
                )


def _require_other_folders(station: StationConfig, converter: ConverterConfig) -> None:
    """Refuse Done, Error or Pending as the watch folder itself: its sources would be converted endlessly."""
    for key in SIBLINGS:
        folder = getattr(converter, key)
        if real(folder) == real(converter.watch_folder):
            raise ConfigError(
                f"{station.path}: converter '{converter.name}': {key} {folder} is its watch_folder; name another folder"
            )
