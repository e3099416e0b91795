"""A certificate authority for tests, and a certificate of it; openssl makes them, as the pages say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NEW = ("req", "-newkey", "rsa:2048", "-nodes")


def issue(folder: Path) -> tuple[str, str, str]:
    """Make an authority and a certificate; gives the paths of the authority, the certificate and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    folder.mkdir()
    _openssl(folder, *_NEW, "-x509", "-days", "2", "-subj", "/CN=plant", "-keyout", "ca.key", "-out", "ca.pem")
    _openssl(folder, *_NEW, "-subj", "/CN=replay", "-keyout", "replay.key", "-out", "replay.csr")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    _openssl(folder, "x509", "-req", "-in", "replay.csr", *signed_by, "-out", "replay.pem")
    return str(folder / "ca.pem"), str(folder / "replay.pem"), str(folder / "replay.key")


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
