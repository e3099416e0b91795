"""Reading where a configuration wants the web pages to be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pywats_archive.config.web import WebConfig
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.document import read_object


def read_web_config(path: Path) -> WebConfig:
    """Read the keys of the web pages; ConfigError if one is invalid."""
    return web_config_of(state_file.completed_station(path, read_object(path)), path)


def web_config_of(fields: dict[str, Any], path: Path) -> WebConfig:
    """Return the keys of the web pages, with paths beside the configuration made absolute."""
    wanted = {key: fields[key] for key in WebConfig.model_fields if fields.get(key) not in (None, "")}
    try:
        found = WebConfig(**wanted)
    except ValidationError as exc:
        fault = exc.errors()[0]
        raise ConfigError(
            f"{path}: {fault['loc'][0]} = {fault['input']!r}: {fault['msg'].removeprefix('Value error, ').lower()}"
        ) from exc
    files = {key: getattr(found, key) for key in ("web_certificate", "web_key")}
    return found.model_copy(update={key: str(path.parent / name) for key, name in files.items() if name})
