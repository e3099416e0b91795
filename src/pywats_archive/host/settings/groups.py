"""Reading the keys of a configuration that belong together: those of the web pages, of time stamps, and of the vault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pywats_archive.config.time_stamps import TimeStampConfig
from pywats_archive.config.vault import VaultSettings, know_credentials
from pywats_archive.config.web import WebConfig
from pywats_archive.errors import ConfigError
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.document import read_object

_Group = TypeVar("_Group", bound=BaseModel)


def read_web_config(path: Path) -> WebConfig:
    """Read the keys of the web pages; ConfigError if one is invalid."""
    return web_config_of(state_file.completed_station(path, read_object(path)), path)


def web_config_of(fields: dict[str, Any], path: Path) -> WebConfig:
    """Return the keys of the web pages, with paths beside the configuration made absolute."""
    return _group_of(WebConfig, fields, path, files=("web_certificate", "web_key"))


def read_time_stamp_config(path: Path) -> TimeStampConfig:
    """Read the keys of time stamps; ConfigError if one is invalid."""
    path = path.absolute()
    return time_stamp_config_of(state_file.completed_station(path, read_object(path)), path)


def time_stamp_config_of(fields: dict[str, Any], path: Path) -> TimeStampConfig:
    """Return the keys of time stamps, with the path beside the configuration made absolute."""
    found = _group_of(TimeStampConfig, fields, path, files=("time_stamp_certificates",))
    found.register_secrets()
    return found


def read_vault_settings(path: Path) -> VaultSettings:
    """Read the keys of the vault; ConfigError if one is invalid."""
    path = path.absolute()
    return vault_settings_of(state_file.completed_station(path, read_object(path)), path)


def vault_settings_of(fields: dict[str, Any], path: Path) -> VaultSettings:
    """Return the keys of the vault, with paths beside the configuration made absolute."""
    know_credentials(fields)
    return _group_of(VaultSettings, fields, path, files=("vault_credentials", "vault_ca_file"))


def vault_settings_at(url: str, settings: VaultSettings) -> VaultSettings:
    """Return the settings with another address of the vault; ConfigError if that is not one."""
    fields = {**settings.model_dump(), "vault_url": url}
    know_credentials(fields)
    return _checked(VaultSettings, fields, "vault")


def _group_of(group: type[_Group], fields: dict[str, Any], path: Path, *, files: Sequence[str]) -> _Group:
    """Return the keys of a group; ``files`` are paths."""
    found = _checked(group, fields, str(path))
    named = {key: getattr(found, key) for key in files}
    return found.model_copy(update={key: str(path.parent / name) for key, name in named.items() if name})


def _checked(group: type[_Group], fields: dict[str, Any], origin: str) -> _Group:
    """Return the keys of a group; ConfigError with ``origin``, where they are from, if one is invalid."""
    wanted = {key: fields[key] for key in group.model_fields if fields.get(key) not in (None, "")}
    try:
        return group(**wanted)
    except ValidationError as exc:
        fault = exc.errors()[0]
        message = fault["msg"].removeprefix("Value error, ")
        place = f"{fault['loc'][0]} = {fault['input']!r}: " if fault["loc"] else ""
        raise ConfigError(f"{origin}: {place}{message.lower()}") from exc
