"""The certificate of the pages, and its renewal."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import pytest
from tests.tls import authority

from pywats_archive.errors import ConfigError
from pywats_archive.web.network import Tls
from pywats_archive.web.settings import WebSettings

Pair = tuple[bytes, bytes]
"""A certificate and its key."""


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Pair, Pair]:
    """Two certificates."""
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        _, leaf, key = authority(tmp_path / name)
        made.append((leaf.read_bytes(), key.read_bytes()))
    return made[0], made[1]


@pytest.fixture
def settings(tmp_path: Path, pairs: tuple[Pair, Pair]) -> WebSettings:
    """The pages with the first certificate."""
    found = WebSettings(certificate=tmp_path / "leaf.pem", key=tmp_path / "key.pem")
    put(found, pairs[0])
    return found


def put(settings: WebSettings, pair: Pair) -> None:
    """Write a certificate and its key to their files."""
    assert settings.certificate and settings.key
    settings.certificate.write_bytes(pair[0])
    settings.key.touch(0o600)
    settings.key.write_bytes(pair[1])


def shown(tls: Tls) -> bytes:
    """Connect without naming a server; return the certificate that the client gets, as PEM."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = tls.context.wrap_bio(to_server, to_client, server_side=True)
    for each in (client, server, client, server):
        try:
            each.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True) or b"").encode()


def test_a_renewed_certificate_is_for_connections_from_then_on(settings: WebSettings, pairs: tuple[Pair, Pair]) -> None:
    """One that does not belong to its key changes nothing."""
    tls = Tls(settings)
    put(settings, (pairs[1][0], pairs[0][1]))
    with pytest.raises(ConfigError, match="belong together"):
        tls.renew()
    assert shown(tls) == pairs[0][0]
    put(settings, pairs[1])
    assert shown(tls) == pairs[0][0]
    tls.renew()
    assert shown(tls) == pairs[1][0]


def test_no_connection_fails_while_the_certificate_is_renewed(settings: WebSettings, pairs: tuple[Pair, Pair]) -> None:
    """At no moment has a connection the new certificate with the old key, or none."""
    tls, ended = Tls(settings), threading.Event()

    def renew() -> None:
        while not ended.is_set():
            for pair in pairs:
                put(settings, pair)
                tls.renew()

    renewing = threading.Thread(target=renew)
    renewing.start()
    seen = list[bytes]()
    try:
        while len(seen) < 100 or len(set(seen)) < 2:
            seen.append(shown(tls))
    finally:
        ended.set()
        renewing.join()
    assert set(seen) == {pair[0] for pair in pairs}
