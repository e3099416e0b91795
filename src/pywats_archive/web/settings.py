"""The settings of the web pages."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pywats_archive.config.loopback import is_loopback

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8087
_ALL = ("0.0.0.0", "::")  # noqa: S104 (recognized, not used)


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSettings:
    """Where the pages are served, and for how long a person stays signed in."""

    host: str = LOOPBACK
    """The network address or the name to listen at."""
    port: int = DEFAULT_PORT
    """0 is any free port."""
    certificate: Path | None = None
    """The certificate, and the chain behind it (PEM); with one, the pages are served with HTTPS."""
    key: Path | None = None
    """The key of the certificate, if it is not in the same file."""
    names: tuple[str, ...] = ()
    """Further names under which browsers reach the pages."""
    session_length: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=2)
    """A session that nobody used for so long has ended."""

    @property
    def is_local(self) -> bool:
        """Whether only this computer can reach the pages."""
        return is_loopback(self.host)

    @property
    def shown_name(self) -> str:
        """The name in the address that is printed."""
        if self.names:
            return self.names[0]
        return _in_address(socket.gethostname() if self.host in _ALL else self.host)

    @property
    def host_names(self) -> frozenset[str]:
        """The names under which a browser may reach the pages; all others are refused (DNS rebinding)."""
        own = {LOOPBACK, "localhost"} | ({"[::1]"} if ":" in self.host else set())
        own |= {self.host, socket.gethostname(), socket.getfqdn()} if not self.is_local else {self.host}
        return frozenset(_in_address(each).lower() for each in {*own, *self.names} - {*_ALL})


def _in_address(host: str) -> str:
    """Return a host as an address has it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
