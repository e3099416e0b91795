"""The state file beside a configuration: keys that pyWATS wipes, known archives and watch folders, and a rule for them all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pywats_archive.config.keys import ARCHIVE_KEYS, STATION_KEYS
from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import read_small, replace_durably

STATE_FILE = "pywats-archive.json"
FORMER = "pywats-archive-former"
"""The folder beside a configuration for copies of its earlier content."""
CONVERTERS, ARCHIVES, WATCH_FOLDERS = "converters", "archives", "watch_folders"
STATION = "station"
COMPLIANT, COMPLIANT_FOLDERS = "compliant", "compliant_folders"
"""The folder of the archive of each converter, and of each watch folder, if that archive is compliant."""
ARCHIVE, REQUIRED, AUDIT_REQUIRED = "archive", "required", "audit_required"
"""The only part that a person writes."""


def recall(config_path: Path, part: str) -> dict[str, Any]:
    """Return what is remembered for a configuration.

    ``CONVERTERS``: each one's archive keys; ``ARCHIVES``: the uuid of each archive by its folder; ``WATCH_FOLDERS``: the
    mount point that each watch folder lay on; ``STATION``: the keys of the whole station; ``COMPLIANT`` and
    ``COMPLIANT_FOLDERS``: the archives of converters and watch folders that cannot stop archiving.
    ConfigError if the file is invalid.
    """
    remembered: dict[str, Any] = _read(state_path(config_path)).get(part, {})
    return remembered


def remember(config_path: Path, part: str, added: Mapping[str, Any]) -> None:
    """Add to what is remembered, durably; if that fails, a warning is logged."""
    path = state_path(config_path)
    memory = _read(path)
    known = {**memory.get(part, {}), **added}
    if known != memory.get(part, {}):
        _write(path, {**memory, part: known})


def completed(section: dict[str, Any], remembered: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a converter's section with the archive keys that pyWATS wiped from it."""
    name = section.get("name")
    keys = remembered.get(name, {}) if isinstance(name, str) else {}
    wiped = {key for key in ARCHIVE_KEYS if section.get(key) in (None, "")}
    return {**section, **{key: value for key, value in keys.items() if key in wiped}}


def remember_sections(config_path: Path, sections: list[dict[str, Any]]) -> None:
    """Remember the archive keys of the configuration."""
    known = recall(config_path, CONVERTERS)
    present_keys = {}
    for section in sections:
        present = {key: section[key] for key in ARCHIVE_KEYS if section.get(key) not in (None, "")}
        if present:
            present_keys[section["name"]] = {**known.get(section["name"], {}), **present}
    remember(config_path, CONVERTERS, present_keys)


def completed_station(config_path: Path, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration's own keys with those of the whole station that pyWATS wiped."""
    wiped = {key for key in STATION_KEYS if fields.get(key) in (None, "")}
    return {**fields, **{key: value for key, value in recall(config_path, STATION).items() if key in wiped}}


def remember_station(config_path: Path, fields: dict[str, Any]) -> None:
    """Remember the station keys of the configuration."""
    remember(config_path, STATION, {key: fields[key] for key in STATION_KEYS if fields.get(key) not in (None, "")})


def is_archive_required(config_path: Path) -> bool:
    """Return whether every converter of a configuration must be archived; ConfigError if the part ``archive`` is invalid."""
    return _rules(config_path).get(REQUIRED, False)


def is_audit_required(config_path: Path) -> bool:
    """Return whether content is only shown where the access can be recorded; ConfigError if the part ``archive`` is invalid."""
    return _rules(config_path).get(AUDIT_REQUIRED, False)


def _rules(config_path: Path) -> dict[str, bool]:
    rules: dict[str, Any] = _read(state_path(config_path)).get(ARCHIVE, {})
    for key, value in rules.items():
        place = f"{state_path(config_path)}: '{ARCHIVE}'"
        if key not in (REQUIRED, AUDIT_REQUIRED):
            raise ConfigError(f"{place} has the key '{key}'; there are '{REQUIRED}' and '{AUDIT_REQUIRED}'; correct it")
        if not isinstance(value, bool):
            raise ConfigError(f"{place}: '{key}' must be true or false; correct it")
    return rules


def state_path(config_path: Path) -> Path:
    """Return the path of a configuration's state file."""
    return config_path.parent / STATE_FILE


def _read(path: Path) -> dict[str, Any]:
    try:
        memory = json.loads(read_small(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise ConfigError(f"{path}: cannot be read ({reason}); correct it, or remove the file") from exc
    if not isinstance(memory, dict) or not all(isinstance(part, dict) for part in memory.values()):
        raise ConfigError(f"{path}: is not an object of objects; correct it, or remove the file")
    for part, kind in (
        (CONVERTERS, dict),
        (ARCHIVES, str),
        (WATCH_FOLDERS, str),
        (COMPLIANT, str),
        (COMPLIANT_FOLDERS, str),
    ):
        if not all(isinstance(value, kind) for value in memory.get(part, {}).values()):
            raise ConfigError(f"{path}: '{part}' has the wrong type; correct it, or remove the file")
    return memory


def _write(path: Path, memory: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        replace_durably(path, json.dumps(memory, indent=2, sort_keys=True).encode("ascii"), partial=partial)
    except OSError as exc:
        warn("state_file.not_written", path=str(path), reason=exc.strerror)
