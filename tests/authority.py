"""A time stamp authority (RFC 3161) of openssl, in a folder."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

CONFIG = """
[ tsa ]
default_tsa = own
[ own ]
serial = serial
signer_cert = tsa.pem
signer_key = tsa-key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ req ]
distinguished_name = name
[ name ]
[ ca ]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign
[ stamping ]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""
RSA, ELLIPTIC = ("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class Authority:
    """A time stamp authority, and the authority that certifies it."""

    def __init__(self, folder: Path, *, key: tuple[str, ...] = RSA) -> None:
        if not shutil.which("openssl"):
            pytest.skip("no openssl")
        folder.mkdir()
        self.folder = folder
        (folder / "tsa.cnf").write_text(CONFIG, encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")
        new = ["req", "-config", "tsa.cnf", "-nodes", "-newkey", *key]
        ca = ["-x509", "-days", "30", "-subj", "/CN=CA", "-extensions", "ca", "-keyout", "ca-key.pem", "-out", "ca.pem"]
        self._openssl(*new, *ca)
        self._openssl(*new, "-subj", "/CN=TSA", "-keyout", "tsa-key.pem", "-out", "tsa.csr")
        signed_by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-set_serial", "7", "-days", "30"]
        extended = ["-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem"]
        self._openssl("x509", "-req", "-in", "tsa.csr", *signed_by, *extended)

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    @property
    def certificate(self) -> Path:
        """The certificate that its answers lead to."""
        return self.folder / "ca.pem"

    def answer(self, request: Path) -> Path:
        """Stamp a request."""
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(request), "-out", "answer.tsr")
        return self.folder / "answer.tsr"


class AuthorityServer:
    """An authority on loopback; what it answers can be changed."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.status = 200
        self.kind = "application/timestamp-reply"
        self.replaced: bytes | None = None
        """Sent instead of an answer."""
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[tuple[str, str | None]] = []
        """The target and the content type of each request."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.asked.append((self.path, self.headers["Content-Type"]))
                request = authority.folder / f"{len(server.asked)}.tsq"
                request.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                server.may_answer.wait(PATIENCE_S)
                answer = authority.answer(request).read_bytes() if server.replaced is None else server.replaced
                self.send_response(server.status)
                self.send_header("Content-Type", server.kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with suppress(OSError):  # who asked no longer waits
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/tsa"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self.replaced = b""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
