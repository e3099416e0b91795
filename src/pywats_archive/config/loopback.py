"""Addresses of this computer itself."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host is this computer itself, so that traffic to it crosses no network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
