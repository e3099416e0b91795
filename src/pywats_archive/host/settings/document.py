"""The document that pyWATS keeps as its configuration: read as JSON, with its sections, its folders and its secrets."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from pywats_archive.config.keys import PASSPHRASE_VARIABLE
from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small
from pywats_archive.redaction import know_address, know_token

SIBLINGS = {"done_folder": "Done", "error_folder": "Error", "pending_folder": "Pending"}
FOLDERS = ("watch_folder", *SIBLINGS, "archive_folder")
_MOST_BYTES = 10_000_000
_COMMENTS = ("//", "/*", "#")


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a file; ConfigError if there is none."""
    return parse_object(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Return the bytes of a configuration; ConfigError if they cannot be read."""
    try:
        return _content(path)
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: there is no such file; name pyWATS' config.json") from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); check its rights") from exc


def parse_object(content: bytes, path: Path) -> dict[str, Any]:
    """Return the object in the bytes of a configuration; ConfigError if there is none."""
    try:
        fields = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: not UTF-8 at byte {exc.start}; save it as UTF-8") from exc
    except RecursionError as exc:
        raise ConfigError(f"{path}: its JSON is nested too deeply; name pyWATS' config.json") from exc
    except json.JSONDecodeError as exc:
        place = f"{path}: line {exc.lineno}, column {exc.colno}"
        if exc.doc.startswith(_COMMENTS, exc.pos):
            raise ConfigError(f"{place}: JSON has no comments; remove it") from exc
        raise ConfigError(f"{place}: {exc.msg}; correct the JSON") from exc
    if not isinstance(fields, dict):
        raise ConfigError(f"{path}: holds no JSON object; name pyWATS' config.json")
    return fields


def sections_of(fields: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """Return the sections of the converters."""
    sections = [] if fields.get("converters") is None else fields["converters"]
    if not isinstance(sections, list) or not all(isinstance(section, dict) for section in sections):
        raise ConfigError(f"{path}: 'converters' is not a list of objects; correct it")
    return sections


def text_of(fields: dict[str, Any], key: str, path: Path, *, default: str = "") -> str:
    """Return a key whose value is text; ConfigError if it is anything else."""
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{path}: {key} is not text but {type(value).__name__}; correct it")
    return value or default


def register_secrets(fields: dict[str, Any]) -> None:
    """Redact the secrets in a configuration and the environment from every text, even if the configuration is invalid."""
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    for key in ("api_token", "webhook_auth_value"):
        know_token(key, texts.get(key, ""))
    know_address("service_address", texts.get("service_address", ""))
    know_token("api_token", os.environ.get("PYWATS_API_TOKEN", ""))
    know_token("key_passphrase", os.environ.get(PASSPHRASE_VARIABLE, ""))
    for name in ("PYWATS_SERVER_URL", "http_proxy", "https_proxy", "all_proxy"):
        for spelt in (name, name.upper()):
            know_address(spelt, os.environ.get(spelt, ""))


def absolute_folders(folders: dict[str, str], base: Path) -> dict[str, str]:
    """Return a converter's watch folder, Done, Error and Pending as absolute paths; empty without a watch folder."""
    if not folders["watch_folder"]:
        return {}
    watch = Path(os.path.abspath(base / folders["watch_folder"]))  # noqa: PTH100 (keeps links as they are named)
    siblings = {key: str(base / (folders[key] or watch.parent / name)) for key, name in SIBLINGS.items()}
    return {"watch_folder": str(watch), **siblings}


def _content(path: Path) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path}: is not a file; name pyWATS' config.json")
    if found.st_size > _MOST_BYTES:
        raise ConfigError(f"{path}: has {found.st_size} bytes, more than any configuration; name pyWATS' config.json")
    return read_small(path, most_bytes=_MOST_BYTES)
