"""What is remembered beside a configuration: the keys that pyWATS wipes, and which archives and watch folders were there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from pywats_archive.config import ARCHIVE_KEYS, STATION_KEYS
from pywats_archive.errors import ConfigError
from pywats_archive.portable import read_small

log = structlog.get_logger()

MEMORY_FILE = "pywats-archive.json"
CONVERTERS, ARCHIVES, WATCH_FOLDERS = "converters", "archives", "watch_folders"
STATION = "station"


def recall(config_path: Path, part: str) -> dict[str, Any]:
    """Give what is remembered beside a configuration.

    ``CONVERTERS``: each one's archive keys; ``ARCHIVES``: the uuid of each archive by its folder; ``WATCH_FOLDERS``: the
    mount point that each watch folder lay on; ``STATION``: the keys of the whole station.
    ConfigError when the file is not as we write it.
    """
    remembered: dict[str, Any] = _read(memory_of(config_path)).get(part, {})
    return remembered


def remember(config_path: Path, part: str, told: Mapping[str, Any]) -> None:
    """Add to what is remembered; durable. A memory that cannot be written is a warning in the log, no error."""
    path = memory_of(config_path)
    memory = _read(path)
    known = {**memory.get(part, {}), **told}
    if known != memory.get(part, {}):
        _write(path, {**memory, part: known})


def completed(section: dict[str, Any], remembered: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Give a converter's section with the archive keys that pyWATS wiped from it."""
    name = section.get("name")
    keys = remembered.get(name, {}) if isinstance(name, str) else {}
    wiped = {key for key in ARCHIVE_KEYS if section.get(key) in (None, "")}
    return {**section, **{key: value for key, value in keys.items() if key in wiped}}


def remember_sections(config_path: Path, sections: list[dict[str, Any]]) -> None:
    """Learn the archive keys that the configuration has now."""
    known = recall(config_path, CONVERTERS)
    told = {}
    for section in sections:
        present = {key: section[key] for key in ARCHIVE_KEYS if section.get(key) not in (None, "")}
        if present:
            told[section["name"]] = {**known.get(section["name"], {}), **present}
    remember(config_path, CONVERTERS, told)


def completed_station(config_path: Path, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration's own keys with those of the whole station that pyWATS wiped."""
    wiped = {key for key in STATION_KEYS if fields.get(key) in (None, "")}
    return {**fields, **{key: value for key, value in recall(config_path, STATION).items() if key in wiped}}


def remember_station(config_path: Path, fields: dict[str, Any]) -> None:
    """Learn the keys of the whole station that the configuration has now."""
    remember(config_path, STATION, {key: fields[key] for key in STATION_KEYS if fields.get(key) not in (None, "")})


def memory_of(config_path: Path) -> Path:
    """Name the file that remembers for a configuration."""
    return config_path.parent / MEMORY_FILE


def _read(path: Path) -> dict[str, Any]:
    try:
        memory = json.loads(read_small(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        told = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise ConfigError(f"{path}: cannot be read ({told}); correct it, or remove the file") from exc
    if not isinstance(memory, dict) or not all(isinstance(part, dict) for part in memory.values()):
        raise ConfigError(f"{path}: is not an object of objects; correct it, or remove the file")
    for part, kind in ((CONVERTERS, dict), (ARCHIVES, str), (WATCH_FOLDERS, str)):
        if not all(isinstance(value, kind) for value in memory.get(part, {}).values()):
            raise ConfigError(f"{path}: '{part}' holds something else than it should; correct it, or remove the file")
    return memory


def _write(path: Path, memory: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(memory, stream, indent=2, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as exc:
        log.warning("config.not_remembered", path=str(path), reason=exc.strerror)
        with suppress(OSError):
            partial.unlink(missing_ok=True)
