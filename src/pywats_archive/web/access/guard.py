"""What the guard decides about a request and adds to each answer; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. An answer may have a stricter policy of its own."""
SECURE_HEADERS = {"strict-transport-security": "max-age=31536000"}
"""On every answer with HTTPS: browsers use nothing else for this host from then on."""


def is_known_host(host: str, names: Collection[str]) -> bool:
    """Return whether the Host header names this server; a page of another name that leads here may not read from it."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    return name.lower() in names


def is_from_here(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request that changes something comes from these pages, or from no page at all.

    Browsers state where a request comes from; another site cannot forge that. Programs send neither header.
    """
    if method in SAFE_METHODS:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower()
