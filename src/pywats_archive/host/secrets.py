"""Secrets stay out: PASSWORD arguments become keyed fingerprints, texts lose their values (invariant 10)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConfigError
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.portable import rename_exclusive, sync_folder

KEY_FILE = "pywats-archive.key"
_KEY_BYTES = 32
_ALGORITHM, _DIGITS = "hmac-sha256", 32
_SHORTEST_REDACTED = 4
"""Shorter values are not looked for in texts: they would be found everywhere."""


def load_key(folder: Path) -> bytes:
    """Read the station's key beside its configuration, making it when there is none yet."""
    path = folder / KEY_FILE
    if not path.exists():
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
    """Put a whole key in place; one that another process put there meanwhile stays."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            rename_exclusive(partial, path)
        sync_folder(path.parent)
    except OSError as exc:
        raise ConfigError(f"{path}: the key cannot be made ({exc.strerror}); check the folder and its rights") from exc
    finally:
        partial.unlink(missing_ok=True)


def fingerprint_secrets(arguments: Mapping[str, Any], names: Iterable[str] | None, key: bytes) -> dict[str, Any]:
    """Replace each secret argument by ``hmac-sha256:<32 hex>``; ``names`` None (no schema known) means all of them."""
    secret = set(arguments if names is None else names)
    return {name: _fingerprint(name, value, key) if name in secret else value for name, value in arguments.items()}


def is_fingerprint(value: Any) -> bool:
    """Tell whether a recorded argument is the fingerprint of one."""
    return isinstance(value, str) and value.startswith(f"{_ALGORITHM}:") and len(value) == len(_ALGORITHM) + 1 + _DIGITS


def redact(text: str, arguments: Mapping[str, Any], names: Iterable[str] | None) -> str:
    """Take the values of secret arguments out of a text, also as Python, JSON or one line would show them."""
    shown = {form: name for name in (arguments if names is None else names) for form in _forms(arguments.get(name))}
    for form in sorted(shown, key=len, reverse=True):
        text = text.replace(form, f"[PASSWORD {shown[form]}]")
    return text


def _forms(value: Any) -> Iterator[str]:
    """The ways in which a value may stand in a text."""
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _forms(inner)
        return
    clear = str("" if value is None else value)
    quoted = (repr(clear)[1:-1], json.dumps(clear)[1:-1], json.dumps(clear, ensure_ascii=False)[1:-1])
    for form in {clear, *quoted, " ".join(clear.split())}:
        if len(form) >= _SHORTEST_REDACTED:
            yield form


def redact_result(result: ConversionResult, arguments: Mapping[str, Any]) -> ConversionResult:
    """Take the values of secret arguments out of all that a conversion says; all arguments are when no schema is known."""
    names = result.converter.password_arguments if result.converter else None

    def clean(text: str | None) -> str | None:
        return redact(text, arguments, names) if text else text

    warnings = tuple(redact(warning, arguments, names) for warning in result.warnings)
    metadata = _redacted(result.metadata, arguments, names)
    return replace(
        result, error=clean(result.error), traceback=clean(result.traceback), warnings=warnings, metadata=metadata
    )


def _redacted(value: Any, arguments: Mapping[str, Any], names: Iterable[str] | None) -> Any:
    if isinstance(value, str):
        return redact(value, arguments, names)
    if isinstance(value, dict):
        return {redact(str(k), arguments, names): _redacted(v, arguments, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, arguments, names) for inner in value]
    return value


def _fingerprint(name: str, value: Any, key: bytes) -> str | None:
    if value is None or value == "":
        return None
    digest = hmac.new(key, f"{name}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"{_ALGORITHM}:{digest.hexdigest()[:_DIGITS]}"
