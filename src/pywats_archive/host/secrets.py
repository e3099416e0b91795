"""Secrets stay out: PASSWORD arguments become keyed fingerprints, texts lose their values (invariant 10)."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pywats_archive import portable
from pywats_archive.errors import ConfigError
from pywats_archive.models.conversion import ConversionResult

KEY_FILE = "pywats-archive.key"
_KEY_BYTES = 32
_SHORTEST_REDACTED = 4
"""Shorter values are not looked for in texts: they would be found everywhere."""


def load_key(folder: Path) -> bytes:
    """Read the station's key beside its configuration, making it when there is none yet."""
    path = folder / KEY_FILE
    if not path.exists():
        with suppress(FileExistsError):
            _create(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{path}: the key cannot be read ({exc}); restore it, or remove it to have a new one made"
        ) from exc
    if len(key) < _KEY_BYTES:
        raise ConfigError(f"{path}: the key is too short; restore it, or remove it to have a new one made")
    return key


def _create(path: Path) -> None:
    """Write a new key beside its name and give it that only once it is durable: a torn one would stop every later start."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        portable.rename_exclusive(partial, path)
    except FileExistsError:
        raise
    except OSError as exc:
        raise ConfigError(f"{path}: the key cannot be made ({exc.strerror}); check the folder and its rights") from exc
    finally:
        partial.unlink(missing_ok=True)


def fingerprint_secrets(arguments: Mapping[str, Any], names: Iterable[str] | None, key: bytes) -> dict[str, Any]:
    """Replace each secret argument by ``hmac-sha256:<32 hex>``; ``names`` None (no schema known) means all of them."""
    secret = set(arguments if names is None else names)
    return {name: _fingerprint(name, value, key) if name in secret else value for name, value in arguments.items()}


def redact(text: str, arguments: Mapping[str, Any], names: Iterable[str] | None) -> str:
    """Take the values of secret arguments out of a text."""
    for name in arguments if names is None else names:
        value = str(arguments.get(name) or "")
        if len(value) >= _SHORTEST_REDACTED:
            text = text.replace(value, f"[PASSWORD {name}]")
    return text


def redact_result(result: ConversionResult, arguments: Mapping[str, Any]) -> ConversionResult:
    """Take the values of secret arguments out of all that a conversion says; all arguments are when no schema is known."""
    names = result.converter.password_arguments if result.converter else None

    def clean(text: str | None) -> str | None:
        return redact(text, arguments, names) if text else text

    warnings = tuple(redact(warning, arguments, names) for warning in result.warnings)
    return replace(result, error=clean(result.error), traceback=clean(result.traceback), warnings=warnings)


def _fingerprint(name: str, value: Any, key: bytes) -> str | None:
    if value is None or value == "":
        return None
    digest = hmac.new(key, f"{name}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"hmac-sha256:{digest.hexdigest()[:32]}"
