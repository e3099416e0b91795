"""The connection to the HTTP API of a station: requests, answers, and problems as the errors that they were."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic_core import to_jsonable_python

from pywats_archive import errors
from pywats_archive.config.loopback import is_loopback
from pywats_archive.errors import ArchiveError, StationAway, StorageError, UsageError

Query = Mapping[str, str | list[str]]
TOKEN = "PYWATS_ARCHIVE_TOKEN"  # noqa: S105 (a name)
_PLACE = "/api/v1"
_CONNECT_S, _ANSWER_S = 10.0, 600.0
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_TRUST = "pass its certificate, or that of the authority which signed it, as ca_file"
_KEPT_S = 2.0
"""Shorter than the server keeps an idle connection, so that no request meets its end."""


class Wire:
    """Asks one station. Safe to use from many threads."""

    def __init__(self, address: str, *, token: str | None, ca_file: Path | str | None) -> None:
        self.address = address.rstrip("/")
        _require_address(self.address)
        self._http = httpx.Client(
            base_url=self.address + _PLACE,
            headers={"authorization": f"Bearer {_checked(token)}", "accept-encoding": "identity"},
            verify=_trust(ca_file),
            trust_env=False,  # no proxy gets the token
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            limits=httpx.Limits(keepalive_expiry=_KEPT_S),
        )

    def close(self) -> None:
        """End the connection; idempotent."""
        self._http.close()

    def ask(self, verb: str, path: str, *, query: Query | None = None, body: object = None) -> Any:
        """Return the value of an answer; None if it has none."""
        content = self.read(verb, path, query=query, body=body)
        try:
            return json.loads(content) if content else None
        except ValueError as exc:
            raise self.unclear(str(exc)) from exc

    def read(self, verb: str, path: str, *, query: Query | None = None, body: object = None) -> bytes:
        """Return the bytes of an answer."""
        with self.opened(verb, path, query=query, body=body) as response:
            return response.read()

    def lines(self, verb: str, path: str, *, query: Query | None = None, body: object = None) -> Iterator[Any]:
        """Yield the value in each line of an answer."""
        with self.opened(verb, path, query=query, body=body) as response:
            for line in response.iter_lines():
                yield json.loads(line)

    @contextmanager
    def opened(
        self,
        verb: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """Send a request and return its answer, whose bytes are not read yet; a problem is raised as its error."""
        sent = {"content-type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
        content = None if body is None else json.dumps(to_jsonable_python(body)).encode("ascii")
        try:
            with self._http.stream(verb, path, params=query, content=content, headers=sent) as response:
                if not response.is_success:
                    raise self._error(response.status_code, response.read())
                yield response
        except (httpx.RemoteProtocolError, httpx.ReadError) as exc:
            raise StorageError(f"{self.address}: the connection broke too early ({exc}); try again") from exc
        except httpx.HTTPError as exc:
            happened = str(exc) or type(exc).__name__
            advice = _TRUST if _UNTRUSTED in happened else "start 'pywats-archive web' there"
            raise StationAway(f"{self.address}: no answer ({happened}); {advice}") from exc
        except (UnicodeEncodeError, httpx.InvalidURL) as exc:
            raise UsageError(f"{path[:80]!a}: an address cannot contain this text") from exc

    def unclear(self, why: str) -> ArchiveError:
        """Return the error about an answer that cannot be read."""
        return ArchiveError(f"{self.address}: the answer is unclear ({why[:200]}); use the same version on both sides")

    def _error(self, status: int, content: bytes) -> ArchiveError:
        try:
            problem = json.loads(content)
            text = "; ".join(str(problem[name]) for name in ("title", "detail") if name in problem)
            kind = getattr(errors, str(problem.get("kind")), None)
        except (ValueError, KeyError, TypeError, AttributeError):
            return self.unclear(f"HTTP {status}")
        if status == 401:
            return UsageError(f"{self.address}: the token is not accepted; pass one of this station, or set {TOKEN}")
        if isinstance(kind, type) and issubclass(kind, ArchiveError):
            return kind(text)
        return (UsageError if status < 500 else ArchiveError)(text)


def _require_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        is_address = bool(host) and parts.port != 0 and not (parts.username or parts.password or parts.query)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(
            "the address of a station must look like https://station.example:8087, without a user name or token"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"{address}: the token would cross the network unencrypted; use https://")


def _checked(token: str | None) -> str:
    """Return a token that a header can hold; no error shows it."""
    if not token:
        raise UsageError(f"a station needs a token; pass it as token, or set {TOKEN}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError("the token has invalid characters; copy the token again")
    return token


def _trust(ca_file: Path | str | None) -> ssl.SSLContext:
    """Trust the certificates of the system, or those in a file."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{ca_file}: holds no certificates that can be read ({exc})") from exc
