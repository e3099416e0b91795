"""Reading a station's configuration as pyWATS writes it, and remembering the keys that pyWATS drops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import structlog

from pywats_archive.config import ARCHIVE_KEYS, ConverterConfig, ServerConfig, StationConfig, parse_converter
from pywats_archive.errors import ConfigError
from pywats_archive.host.headless import pywats_module

log = structlog.get_logger()

MEMORY_FILE = "pywats-archive.json"
_SIBLINGS = {"done_folder": "Done", "error_folder": "Error", "pending_folder": "Pending"}


def read_station_config(path: Path) -> StationConfig:
    """Read and check a configuration; ConfigError names file, place, converter, key and what would be right."""
    path = path.absolute()
    fields = _read_object(path)
    sections = _sections(fields, path)
    memory, folder = _recall(path.parent), path.parent
    converters = tuple(_converter({**memory.get(str(s.get("name")), {}), **_chosen(s)}, path) for s in sections)
    station = StationConfig(
        path=path,
        converters_folder=folder / str(fields.get("converters_folder") or "converters"),
        server=_server(fields),
        converters=converters,
    )
    _check(station)
    _learn(folder, sections, memory)
    return station


def _chosen(section: dict[str, Any]) -> dict[str, Any]:
    """A section without the empty archive_folder that pyWATS' configurator leaves where it wiped one."""
    return {key: value for key, value in section.items() if key != "archive_folder" or value}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        fields = json.loads(text)
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: there is no such file; name pyWATS' config.json") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); check its rights") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: not UTF-8 at byte {exc.start}; save it as UTF-8") from exc
    except json.JSONDecodeError as exc:
        raise ConfigError(f"{path}: line {exc.lineno}, column {exc.colno}: {exc.msg}; correct the JSON") from exc
    if not isinstance(fields, dict):
        raise ConfigError(f"{path}: holds no JSON object; name pyWATS' config.json")
    return fields


def _sections(fields: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    sections = fields.get("converters", [])
    if not isinstance(sections, list) or not all(isinstance(section, dict) for section in sections):
        raise ConfigError(f"{path}: 'converters' is not a list of objects; correct it")
    return sections


def _converter(section: dict[str, Any], path: Path) -> ConverterConfig:
    parsed = parse_converter({k: v for k, v in section.items() if v is not None}, file=path)
    if not parsed.watch_folder:
        return parsed
    watch = Path(os.path.abspath(path.parent / parsed.watch_folder))  # noqa: PTH100 (keeps links as they are named)
    folders = {key: str(path.parent / (getattr(parsed, key) or watch.parent / name)) for key, name in _SIBLINGS.items()}
    return parsed.model_copy(update={"watch_folder": str(watch), **folders})


def _server(fields: dict[str, Any]) -> ServerConfig:
    client_config = pywats_module("pywats_client.core.config").ClientConfig
    client = client_config.from_dict({**fields, "converters": []})
    address, token = client.get_runtime_credentials()
    return ServerConfig(
        service_address=address or "", api_token=token or "", station_name=client.get_effective_station_name() or ""
    )


def _check(station: StationConfig) -> None:
    names = [converter.name for converter in station.converters]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{station.path}: two converters are called '{name}'; give each its own name")
    for converter in station.converters:
        if converter.archive_enabled and converter.watch_folder:
            _check_apart(station, converter)


def _check_apart(station: StationConfig, converter: ConverterConfig) -> None:
    archive, watch = _normal(station.archive_root(converter)), _normal(Path(converter.watch_folder))
    if archive.is_relative_to(watch) or watch.is_relative_to(archive):
        raise ConfigError(
            f"{station.path}: converter '{converter.name}': archive_folder {archive} and watch_folder {watch} lie "
            "within each other; keep them apart"
        )


def _normal(path: Path) -> Path:
    return Path(os.path.normcase(path.resolve()))


def _recall(folder: Path) -> dict[str, dict[str, Any]]:
    """Give the remembered archive keys of each converter."""
    path = folder / MEMORY_FILE
    return dict(_read_object(path).get("converters", {})) if path.exists() else {}


def _learn(folder: Path, sections: list[dict[str, Any]], known: dict[str, dict[str, Any]]) -> None:
    """Remember the archive keys that the configuration has now; only once they are known to be right."""
    learned = dict(known)
    for section in sections:
        present = {key: section[key] for key in ARCHIVE_KEYS if section.get(key) not in (None, "")}
        if present and isinstance(section.get("name"), str):
            learned[section["name"]] = {**learned.get(section["name"], {}), **present}
    if learned != known:
        path = folder / MEMORY_FILE
        memory = _read_object(path) if path.exists() else {}
        _remember(path, {**memory, "converters": learned})


def _remember(path: Path, memory: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(memory, stream, indent=2, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as exc:
        log.warning("config.not_remembered", path=str(path), reason=exc.strerror)
