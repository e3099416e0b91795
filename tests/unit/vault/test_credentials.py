"""The credentials of a bucket, and what the environment may not change."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pywats_archive import redaction
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError, KeyTaken, VaultError, VaultRefused
from pywats_archive.vault.bucket import BucketVault
from pywats_archive.vault.credentials import credentials_of
from pywats_archive.vault.opening import open_vault

SECRET = "bm90LXRvLWJlLXNlZW4tMDEyMzQ1Njc4OQ=="
GOOGLE = json.dumps({"client_email": "station@example.com", "private_key": SECRET, "private_key_id": "1"})


def settings(url: str, folder: Path, text: str | None = None, *, endpoint: str = "") -> VaultSettings:
    """Return the keys of a vault whose credentials are in a file with this text, or in the environment."""
    path = folder / "vault.key"
    if text is not None:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    return VaultSettings(vault_url=url, vault_endpoint=endpoint, vault_credentials="" if text is None else str(path))


@pytest.mark.parametrize(
    ("url", "text", "found"),
    [
        (
            "s3://archives/plant",
            f"\ufeffaws_access_key_id = AKIA7\n# of the station\n[default]\nAWS_SECRET_ACCESS_KEY={SECRET}\nregion = x\n",
            {"access_key_id": "AKIA7", "secret_access_key": SECRET},
        ),
        (
            "az://archives/plant",
            f"AZURE_STORAGE_ACCOUNT_NAME=station\nAZURE_STORAGE_ACCOUNT_KEY={SECRET}\n",
            {"account_name": "station", "account_key": SECRET},
        ),
        ("gs://archives/plant", GOOGLE, {"service_account_key": GOOGLE}),
    ],
)
def test_a_file_as_the_providers_hand_it_out_is_read(
    tmp_path: Path, url: str, text: str, found: dict[str, str]
) -> None:
    """And its secret is in no text from then on (invariant 10)."""
    assert credentials_of(settings(url, tmp_path, text), {}) == found
    (secret,) = (value for name, value in found.items() if "key" in name and name != "access_key_id")
    assert SECRET not in redaction.redacted(f"the text is {secret}")


def test_without_a_file_the_environment_has_them(tmp_path: Path) -> None:
    """Under the providers' own names; where there are none, both places are named."""
    found = {"AWS_ACCESS_KEY_ID": "AKIA7", "AWS_SECRET_ACCESS_KEY": SECRET, "AZURE_STORAGE_ACCOUNT_KEY": "other"}
    place = settings("s3://archives/plant", tmp_path)
    assert credentials_of(place, found) == {"access_key_id": "AKIA7", "secret_access_key": SECRET}
    with pytest.raises(
        ConfigError,
        match=r"the environment: has no credentials of the vault; set those that you have of aws_access_key_id",
    ):
        credentials_of(place, {})
    with pytest.raises(ConfigError, match=r"vault\.key: has no credentials"):
        credentials_of(settings("s3://archives/plant", tmp_path, "user = me\n"), found)
    (tmp_path / "vault.key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        credentials_of(
            settings("s3://archives/plant", tmp_path).model_copy(
                update={"vault_credentials": str(tmp_path / "vault.key")}
            )
        )
    (tmp_path / "vault.key").unlink()
    with pytest.raises(ConfigError, match="vault_credentials cannot be read"):
        credentials_of(place.model_copy(update={"vault_credentials": str(tmp_path / "vault.key")}))


class Recording(BaseHTTPRequestHandler):
    """Notes each request, and answers as Azure does when a blob is there, or a key is wrong."""

    seen: list[str]

    def answer(self) -> None:
        """Answer, and note who asked for what."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(self.path)
        status, code = (409, "BlobAlreadyExists") if self.path.endswith("/taken") else (403, "AuthenticationFailed")
        body = f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = answer  # noqa: N815 (named by http.server)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def recording() -> Iterator[str]:
    """The address of such a server."""
    Recording.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Recording) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_azure_answers_a_taken_key_in_its_own_way(tmp_path: Path, recording: str) -> None:
    """409 is the answer there, and 403 that of a wrong key; both come from the address that the configuration names."""
    text = f"AZURE_STORAGE_ACCOUNT_NAME=station\nAZURE_STORAGE_ACCOUNT_KEY={SECRET}\n"
    vault = open_vault(settings("az://archives/plant", tmp_path, text, endpoint=f"{recording}/station"))
    with pytest.raises(KeyTaken):
        vault.put_new("a/taken", b"1")
    with pytest.raises(VaultRefused) as caught:
        vault.put_new("a/1", b"1")
    assert caught.value.code == "AuthenticationFailed"
    assert [path.partition("?")[0] for path in Recording.seen] == [
        "/station/archives/plant/a/taken",
        "/station/archives/plant/a/1",
    ]


def test_a_key_of_google_that_is_none_is_named(tmp_path: Path) -> None:
    """Before anything is asked, and without its text."""
    with pytest.raises(ConfigError, match="keys of the vault cannot be used") as caught:
        open_vault(settings("gs://archives/plant", tmp_path, GOOGLE))
    assert SECRET not in redaction.redacted(str(caught.value))


def test_the_environment_cannot_switch_tls_off(tmp_path: Path, recording: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address in it may be used, but nothing is sent there in clear."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", recording)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    text = f"aws_access_key_id=AKIA7\naws_secret_access_key={SECRET}\n"
    vault = BucketVault(settings("s3://archives/plant", tmp_path, text), patience_s=2)
    with pytest.raises(VaultError):
        vault.put_new("a/1", b"1")
    assert Recording.seen == []
