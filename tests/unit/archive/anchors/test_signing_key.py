"""The signing key: a file for one account, made once, and checked with openssl."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from pywats_archive.archive.anchors import signing
from pywats_archive.archive.anchors.signing import KEY_FILE, is_signature, load_signer
from pywats_archive.config.keys import PASSPHRASE_VARIABLE
from pywats_archive.errors import ConfigError
from pywats_archive.models.time import utc_now

OPENSSL = shutil.which("openssl")


def test_a_key_is_made_once_and_stays(tmp_path: Path) -> None:
    """Each later call reads the same key."""
    first, again = load_signer(tmp_path), load_signer(tmp_path)
    assert first.public_key == again.public_key
    assert is_signature(again.sign_bytes(b"text"), b"text", first.public_key)
    assert not is_signature(again.sign_bytes(b"text"), b"other", first.public_key)
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


@pytest.mark.posix("modes")
def test_no_other_account_may_read_the_key(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        load_signer(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_on_windows_the_key_gets_rights_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that others may read is used, and a warning names it; the file is made by the code for private files."""
    warned = []
    monkeypatch.setattr(signing, "warn", lambda event, **fields: warned.append((event, fields["path"])))

    def shared(path: Path, line: str, *, on_shared: object) -> None:
        assert callable(on_shared)
        on_shared(OSError(5, "Access is denied"))
        path.write_text(line, encoding="ascii")

    monkeypatch.setattr(signing, "create_private", shared)
    load_signer(tmp_path)
    assert warned == [("key.not_private", str(tmp_path / KEY_FILE))]


def test_a_passphrase_protects_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is made while the variable is set is encrypted; without it, or a person who knows it, it cannot be used."""
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "open sesame")
    made = load_signer(tmp_path)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / KEY_FILE).read_bytes()
    assert load_signer(tmp_path).public_key == made.public_key
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    with pytest.raises(ConfigError, match="the passphrase is wrong"):
        load_signer(tmp_path)
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(ConfigError, match=PASSPHRASE_VARIABLE):
        load_signer(tmp_path)
    assert load_signer(tmp_path, ask=lambda: "open sesame").public_key == made.public_key


@pytest.mark.parametrize(
    "content", [b"", b"not a key\n", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    """The error names the file, which stays as it is: a new key would be a change that nobody asked for."""
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=KEY_FILE):
        load_signer(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    """An RSA or EC key in its place is named; nothing is signed with it."""
    if OPENSSL is None:
        pytest.skip("no openssl")
    command = [OPENSSL, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]
    subprocess.run([*command, str(tmp_path / KEY_FILE)], check=True, capture_output=True)
    with pytest.raises(ConfigError, match="Ed25519"):
        load_signer(tmp_path)


def test_no_key_is_made_for_a_reader(tmp_path: Path) -> None:
    """Without ``create`` a missing key is an error."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_signer(tmp_path, create=False)


@pytest.mark.parametrize("passphrase", [None, "open sesame"])
def test_openssl_reads_the_key_and_checks_the_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    """openssl alone makes the public key from the key file, and finds the signature good, and that of another text not."""
    if OPENSSL is None:
        pytest.skip("no openssl")
    if passphrase:
        monkeypatch.setenv(PASSPHRASE_VARIABLE, passphrase)
    signer = load_signer(tmp_path)
    anchor = signer.anchor("uuid", 7, "ab" * 32, utc_now())
    (tmp_path / "text").write_bytes(anchor.signed)
    (tmp_path / "signature").write_bytes(anchor.signature)
    (tmp_path / "public.pem").write_text(signer.public_key_pem, encoding="ascii")
    made = [OPENSSL, "pkey", "-in", str(tmp_path / KEY_FILE), "-pubout", "-passin", f"pass:{passphrase}"]
    assert subprocess.run(made, check=True, capture_output=True, text=True).stdout == signer.public_key_pem
    check = [OPENSSL, "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-in", "text"]
    check += ["-sigfile", "signature"]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "text").write_bytes(anchor.signed + b" ")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1
