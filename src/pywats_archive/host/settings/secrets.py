"""Secrets stay out: PASSWORD arguments become keyed fingerprints, texts lose their values (invariant 10)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pywats_archive.models.conversion import ConversionResult
from pywats_archive.redaction import Redaction, redacted

_ALGORITHM, _DIGITS = "hmac-sha256", 32


def fingerprint_secrets(arguments: Mapping[str, Any], names: Iterable[str] | None, key: bytes) -> dict[str, Any]:
    """Replace each secret argument by ``hmac-sha256:<32 hex>``; ``names`` None (no schema known) means all of them."""
    secret = set(arguments if names is None else names)
    return {name: _fingerprint(name, value, key) if name in secret else value for name, value in arguments.items()}


def is_fingerprint(value: Any) -> bool:
    """Return whether a recorded argument is the fingerprint of one."""
    return isinstance(value, str) and value.startswith(f"{_ALGORITHM}:") and len(value) == len(_ALGORITHM) + 1 + _DIGITS


def redact(text: str, arguments: Mapping[str, Any], names: Iterable[str] | None) -> str:
    """Remove the values of secret arguments and all other known secrets from a text; ``names`` None: all are secret."""
    return redacted(redaction_of(arguments, names).apply(text))


def redaction_of(arguments: Mapping[str, Any], names: Iterable[str] | None) -> Redaction:
    """Return the redaction of secret arguments."""
    return Redaction.of((f"[PASSWORD {name}]", arguments.get(name)) for name in (arguments if names is None else names))


def redact_result(result: ConversionResult, arguments: Mapping[str, Any]) -> ConversionResult:
    """Redact the secret arguments in all texts of a conversion; without a schema, all arguments are secret."""
    names = result.converter.password_arguments if result.converter else None
    redaction = redaction_of(arguments, names)

    def clean(text: str) -> str:
        return redacted(redaction.apply(text))

    return replace(
        result,
        error=clean(result.error) if result.error else result.error,
        traceback=clean(result.traceback) if result.traceback else result.traceback,
        warnings=tuple(map(clean, result.warnings)),
        metadata=_cleaned(result.metadata, clean),
    )


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(inner, clean) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner, clean) for inner in value]
    return value


def _fingerprint(name: str, value: Any, key: bytes) -> str | None:
    if value is None or value == "":
        return None
    digest = hmac.new(key, f"{name}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"{_ALGORITHM}:{digest.hexdigest()[:_DIGITS]}"
