"""A server on loopback whose certificate no computer trusts; its key protects nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_PEM = """
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFTtXI6/uHDa49Uz/
DObiQTS4dD6gaV2YL4uyLcCE1umhRANCAASzCChVsIVMqq5Gs6pp0VS3IHoKCEeN
S2jlxcWNvgF/KFhVZ43Jsv1txvrfIiR1Opo3OFJOB2wntQk0S8tlcP5e
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUN/wFUArWhFPdRAjRSYAp+sTP+UEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODA0MDc0MVoYDzIxMjYxMTA0
MDQwNzQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASzCChVsIVMqq5Gs6pp0VS3IHoKCEeNS2jlxcWNvgF/KFhVZ43Jsv1t
xvrfIiR1Opo3OFJOB2wntQk0S8tlcP5eo28wbTAdBgNVHQ4EFgQUyLUMq1KoV4ZR
olJ973McHH58j6IwHwYDVR0jBBgwFoAUyLUMq1KoV4ZRolJ973McHH58j6IwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhALEfitaEi3PIxdS4biq+VASaMGUNWErrXwaJa1en/7QqAiEA
3BI/I8RFBw5amT/bXVqDWaOtTSERM2uVTV8SnejZX5w=
-----END CERTIFICATE-----
"""


@contextmanager
def untrusted_server(folder: Path) -> Iterator[str]:
    """Answer every connection with the certificate; gives the address."""
    pem = folder / "untrusted.pem"
    pem.write_text(_PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_greet, args=(listener, context))
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):  # which wakes who accepts; elsewhere closing does
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()


def authority(folder: Path) -> tuple[Path, Path, Path]:
    """Make an authority, and a certificate of it for 127.0.0.1; return the files of both, and of the key."""
    now = datetime.now(timezone.utc)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in ("CA", "server")]
    made = []
    for number, (name, own) in enumerate(zip(names, keys, strict=True)):
        builder = x509.CertificateBuilder(names[0], name, own.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        if number:
            address = x509.IPAddress(ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    ca, leaf, key = (folder / name for name in ("ca.pem", "leaf.pem", "key.pem"))
    ca.write_bytes(made[0].public_bytes(serialization.Encoding.PEM))
    leaf.write_bytes(made[1].public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return ca, leaf, key
