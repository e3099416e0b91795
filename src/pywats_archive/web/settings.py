"""The settings of the web pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8087


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSettings:
    """Where the pages are served, and for how long a person stays signed in."""

    port: int = DEFAULT_PORT
    """0 is any free port."""
    session_length: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=2)
    """A session that nobody used for so long has ended."""

    @property
    def host_names(self) -> frozenset[str]:
        """The names under which a browser may reach the pages; all others are refused (DNS rebinding)."""
        return frozenset({LOOPBACK, "localhost"})
