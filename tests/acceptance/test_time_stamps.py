"""Time stamps (RFC 3161) of anchors, from a real authority made by openssl, carried by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.command import command
from tests.station import Station

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


class Authority:
    """A time stamp authority in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "tsa.cnf").write_text(CONFIG, encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")
        new = ["req", "-config", "tsa.cnf", "-newkey", "rsa:2048", "-nodes"]
        self._openssl(
            *new,
            "-x509",
            "-days",
            "30",
            "-subj",
            "/CN=CA",
            "-extensions",
            "ca",
            "-keyout",
            "ca-key.pem",
            "-out",
            "ca.pem",
        )
        self._openssl(*new, "-subj", "/CN=TSA", "-keyout", "tsa-key.pem", "-out", "tsa.csr")
        sign = [
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca-key.pem",
            "-set_serial",
            "7",
            "-days",
            "30",
        ]
        self._openssl(*sign, "-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem")

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def answer(self, request: Path) -> Path:
        """Stamp a request."""
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(request), "-out", "answer.tsr")
        return self.folder / "answer.tsr"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    return Authority(tmp_path / "tsa")


@pytest.fixture
def config(station: Station) -> str:
    (station.add("C") / "SN1.log").write_bytes(b"content")
    station.run()
    return str(station.root / "config.json")


def stamps(station: Station) -> list[Path]:
    return (
        sorted((station.archive_root / "timestamps").glob("*"))
        if (station.archive_root / "timestamps").exists()
        else []
    )


def test_request_and_answer_are_carried_by_hand(config: str, station: Station, authority: Authority) -> None:
    """The request is written, the answer kept with an event, and openssl finds it to be of the anchor in the archive."""
    request = station.root / "head.tsq"
    assert command("anchor", "--config", config, "--request", request).returncode == 0
    assert command("anchor", "--config", config, "--request", request).returncode == 2, "nothing is overwritten"
    kept = command(
        *("anchor", "--config", config, "--response", authority.answer(request)),
        *("--tsa-certificate", authority.certificate),
    )
    assert kept.returncode == 0 and "not checked" not in kept.stdout, kept.stderr
    anchor, stamp = stamps(station)
    check = ["openssl", "ts", "-verify", "-data", str(anchor), "-in", str(stamp), "-CAfile", str(authority.certificate)]
    assert "Verification: OK" in subprocess.run(check, capture_output=True, text=True, check=True).stdout
    found = command("events", "--config", config, "--kind", "anchor.timestamped", "--json").stdout
    assert stamp.name in found


def test_an_answer_of_another_authority_is_refused(
    config: str, station: Station, authority: Authority, tmp_path: Path
) -> None:
    """Its signature leads to no certificate that is trusted; nothing is kept."""
    request = station.root / "head.tsq"
    command("anchor", "--config", config, "--request", request)
    other = Authority(tmp_path / "other")
    words = ("anchor", "--config", config, "--response", authority.answer(request))
    refused = command(*words, "--tsa-certificate", other.certificate)
    assert refused.returncode == 2 and "trusted authority" in refused.stderr and stamps(station) == []
    assert "not checked" in command(*words).stdout and len(stamps(station)) == 2


def test_an_answer_to_something_else_is_refused(config: str, station: Station, authority: Authority) -> None:
    """A stamp of another text, an answer that refuses, and a file that is none: each is named, and nothing is kept."""
    text, request = station.root / "text", station.root / "text.tsq"
    text.write_bytes(b"something else")
    query = ["openssl", "ts", "-query", "-data", str(text), "-sha256", "-cert", "-out", str(request)]
    subprocess.run(query, check=True, capture_output=True)
    other = command("anchor", "--config", config, "--response", authority.answer(request))
    assert other.returncode == 2 and "none of the anchors" in other.stderr
    none = command("anchor", "--config", config, "--response", text)
    assert none.returncode == 2 and "no answer of a time stamp authority" in none.stderr
    assert stamps(station) == []
