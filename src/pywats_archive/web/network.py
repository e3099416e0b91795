"""The port of the pages, their certificate, and the conditions under which other computers may reach them."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from pywats_archive.errors import ConfigError, UsageError
from pywats_archive.portable.event_log import warn
from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.private import others_who_may_read
from pywats_archive.web.access.users import Users
from pywats_archive.web.settings import WebSettings


def require_safe(settings: WebSettings, users: Users) -> None:
    """Raise UsageError unless the pages are for this computer alone, or have HTTPS and users."""
    if settings.is_local:
        return
    where = f"host {settings.host}: the pages would be open to the network"
    if settings.certificate is None:
        raise UsageError(f"{where} without HTTPS; name a certificate with --certificate FILE and --key FILE")
    if not users.all():
        raise UsageError(
            f"{where} without a user; add the first one with 'pywats-archive web users add NAME --role admin'"
        )


def tls_of(settings: WebSettings) -> Tls | None:
    """Return what HTTPS needs; None without a certificate. ConfigError if it cannot be used."""
    if settings.certificate is None:
        if settings.key:
            raise UsageError("--key: needs --certificate, the certificate of this key")
        return None
    return Tls(settings)


class Tls:
    """HTTPS, TLS 1.2 or newer, with a certificate that can be renewed while connections begin.

    A context in use is never changed: OpenSSL loads a certificate and its key in two steps, and a connection that begins
    in between fails.
    """

    def __init__(self, settings: WebSettings) -> None:
        """Load the certificate; ConfigError if it cannot be used."""
        self._settings = settings
        self._newest = self.context = _loaded(settings)
        """The context for all connections."""
        self.context.sni_callback = self._use_newest  # called for each connection, also if it names no server

    def renew(self) -> None:
        """Load the certificate for connections that begin from now on; ConfigError leaves the earlier one in use."""
        self._newest = _loaded(self._settings)

    def _use_newest(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest


def _loaded(settings: WebSettings) -> ssl.SSLContext:
    """Return a context with the certificate as its files are now; ConfigError if they cannot be used."""
    assert settings.certificate
    key = settings.key or settings.certificate
    for path in (settings.certificate, key):
        _require_readable(path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate, key, password=lambda: _refuse_password(key))
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        reason = exc.reason if isinstance(exc, ssl.SSLError) and exc.reason else exc
        raise ConfigError(
            f"{settings.certificate}: cannot be used with the key {key} ({reason}); both must be PEM and belong together"
        ) from exc
    try:
        others = others_who_may_read(key)
    except OSError:
        others = ()
    if others:
        warn("web.key_not_private", path=str(key), reason=", ".join(others))
    return context


class Renewal:
    """Notices that the certificate or its key was replaced, once both stayed the same from one look to the next."""

    def __init__(self, settings: WebSettings) -> None:
        self._paths = [path for path in (settings.certificate, settings.key) if path]
        self._used = self._seen = self._stamps()

    def is_due(self) -> bool:
        """Look at the files, and return whether they are to be loaded; True once for each change."""
        before, self._seen = self._seen, self._stamps()
        if self._seen != before or self._seen == self._used:
            return False
        self._used = self._seen
        return True

    def _stamps(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(map(_stamp, self._paths))


def listening(settings: WebSettings) -> socket.socket:
    """Take the port; UsageError if it is taken, or the host is not an address of this computer."""
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except OSError as exc:
        raise UsageError(f"host {settings.host}: is not an address of this computer ({exc.strerror})") from exc
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY for this alone
    try:
        if WINDOWS:  # there, SO_REUSEADDR lets another program take the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as exc:
        listener.close()
        raise UsageError(
            f"port {settings.port}: cannot be used ({exc.strerror}); choose another one with --port"
        ) from exc
    listener.listen()
    return listener


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _require_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); check the path and its rights") from exc


def _refuse_password(key: Path) -> str:
    raise ConfigError(
        f"{key}: the key is protected by a password; save it without one, readable for this account alone"
    )
