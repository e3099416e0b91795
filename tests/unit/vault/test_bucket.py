"""A vault in a bucket: what a server refuses, or does not answer, becomes the right error, and nothing is sent in clear."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import obstore
import pytest
from tests.patience import PATIENCE_S
from tests.seaweed import LEAST_UUID, Seaweed, running, secret
from tests.tls import authority

from pywats_archive import redaction
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import (
    ConfigError,
    KeyMissing,
    KeyTaken,
    VaultAway,
    VaultClockOff,
    VaultError,
    VaultRefused,
)
from pywats_archive.vault import bucket, credentials
from pywats_archive.vault.bucket import BucketVault
from pywats_archive.vault.opening import open_vault

pytestmark = pytest.mark.long
KEY = "7c9e6679/5a1f/segments/000000000001.zip"


OF_ANOTHER_CLOCK = """
import sys
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import VaultError
from pywats_archive.vault.opening import open_vault

vault = open_vault(VaultSettings.model_validate_json(sys.argv[1]))
calls = vault.get, vault.size_of, lambda key: list(vault.keys(key)), lambda key: vault.put_new(key, b"1")
for call in calls:
    try:
        call("a/1")
    except VaultError as exc:
        print(type(exc).__name__)
"""


class Answering(BaseHTTPRequestHandler):
    """Answers everything with the status and the code at the end of the key."""

    def answer(self) -> None:
        """Answer as S3 does."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = "403-RequestTimeTooSkewed" if "list-type" in self.path else self.path.rpartition("/")[2]
        status, _, code = answer.partition("?")[0].partition("-")
        body = f"<Error><Code>{code}</Code></Error>".encode() if code and self.command != "HEAD" else b""
        self.send_response(int(status))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = answer  # noqa: N815 (named by http.server)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def answering() -> Iterator[str]:
    """The address of such a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def settings_at(folder: Path, endpoint: str) -> VaultSettings:
    """Return the keys of a vault at an address."""
    path = folder / "vault.key"
    path.touch(mode=0o600)
    path.write_text("AWS_ACCESS_KEY_ID=station\nAWS_SECRET_ACCESS_KEY=not-to-be-seen-0123456789\n", encoding="ascii")
    return VaultSettings(
        vault_url="s3://archives/plant", vault_endpoint=endpoint, vault_credentials=str(path), vault_ca_file=""
    )


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ("403-AccessDenied", VaultRefused, "403 Forbidden, AccessDenied"),
        ("403-SignatureDoesNotMatch", VaultRefused, "SignatureDoesNotMatch"),
        ("403-RequestTimeTooSkewed", VaultClockOff, "the clock of this computer is wrong"),
        ("404-NoSuchBucket", VaultRefused, "no such bucket"),
        ("401", VaultRefused, "401"),
        ("400-AuthorizationHeaderMalformed", VaultRefused, "region"),
        ("301", VaultRefused, "another region"),
        ("501-NotImplemented", VaultRefused, "lacks what a vault needs"),
        ("409-ConditionalRequestConflict", VaultAway, "tried again later"),
        ("412-PreconditionFailed", KeyTaken, "nothing was replaced"),
        ("429-SlowDown", VaultAway, "429"),
        ("500-InternalError", VaultAway, "500"),
        ("503-SlowDown", VaultAway, "503 Service Unavailable, SlowDown"),
    ],
)
def test_each_answer_of_a_server_has_its_meaning(
    tmp_path: Path, answering: str, answer: str, kind: type[VaultError], says: str
) -> None:
    """What waits, what needs a person, and what is the clock; the server's own code is kept."""
    vault = BucketVault(settings_at(tmp_path, answering))
    with pytest.raises(kind, match=says) as caught:
        vault.put_new(f"a/{answer}", b"1")
    assert type(caught.value) is kind and "s3://archives/plant" in str(caught.value)
    if isinstance(caught.value, VaultRefused):
        assert caught.value.code == answer.partition("-")[2]


def test_a_refused_head_says_why(tmp_path: Path, answering: str) -> None:
    """A HEAD has no code, so the list is asked, and its answer is the error: here that the clock is wrong."""
    vault = BucketVault(settings_at(tmp_path, answering))
    with pytest.raises(VaultClockOff):
        vault.size_of("a/403")
    with pytest.raises(VaultClockOff):
        vault.get("a/403-AccessDenied")


@pytest.mark.parametrize("endpoint", ["closed", "silent"])
def test_a_server_that_does_not_answer_is_away(tmp_path: Path, endpoint: str) -> None:
    """Nothing waits longer than its time limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1] if endpoint == 'silent' else 9}"
        vault = BucketVault(settings_at(tmp_path, address), patience_s=0.5)
        since_s = time.monotonic()
        for call in (
            lambda: vault.put_new(KEY, b"1"),
            lambda: vault.get(KEY, length=10),
            lambda: vault.size_of(KEY),
            lambda: list(vault.keys("")),
        ):
            with pytest.raises(VaultAway, match=r"in time|no server listens there"):
                call()
        assert time.monotonic() - since_s < 100


def test_a_key_without_rights_is_refused(seaweed: Seaweed, tmp_path: Path) -> None:
    """With the server's own code, by the server itself."""
    nobody = open_vault(seaweed.settings(tmp_path, "plant", user="nobody"))
    for call in (
        lambda: nobody.put_new(KEY, b"1"),
        lambda: nobody.get(KEY),
        lambda: nobody.size_of(KEY),
        lambda: list(nobody.keys("")),
    ):
        with pytest.raises(VaultRefused) as caught:
            call()
        assert caught.value.code == "AccessDenied"
    stranger = open_vault(seaweed.settings(tmp_path, "plant", user="stranger"))
    with pytest.raises(VaultRefused) as caught:
        stranger.put_new(KEY, b"1")
    assert caught.value.code == "InvalidAccessKeyId"


def test_the_least_rights_are_enough_and_no_more(seaweed: Seaweed, tmp_path: Path) -> None:
    """The printed policy, in a real server: store, read and list one's own; delete nothing, and see nothing of others."""
    station = open_vault(seaweed.settings(tmp_path, "least", user="least"))
    admin = open_vault(seaweed.settings(tmp_path, "least", user="admin"))
    admin.put_new("vault.json", b"{}")
    admin.put_new(f"other-{LEAST_UUID}/1", b"1")
    own = f"{LEAST_UUID}/5a1f/segments/1"
    station.put_new(own, b"own")
    assert (station.get(own), station.size_of(own), station.get("vault.json")) == (b"own", 3, b"{}")
    assert [each.key for each in station.keys(f"{LEAST_UUID}/5a1f")] == [own]
    assert station.size_of(f"{LEAST_UUID}/5a1f/segments/2") is None
    with pytest.raises(KeyMissing):
        station.get(f"{LEAST_UUID}/5a1f/segments/2")
    with pytest.raises(KeyTaken):
        station.put_new(own, b"other")
    for call in (
        lambda: station.put_new(f"other-{LEAST_UUID}/2", b"1"),
        lambda: station.get(f"other-{LEAST_UUID}/1"),
        lambda: station.put_new("vault2.json", b"1"),
        lambda: list(station.keys("")),
        lambda: list(station.keys(f"other-{LEAST_UUID}")),
    ):
        with pytest.raises(VaultRefused):
            call()
    assert isinstance(station, BucketVault)
    with pytest.raises(Exception, match="AccessDenied"):
        obstore.delete(station._connected(0), f"least/{own}")
    assert station.get(own) == b"own"


@pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is for Linux")
def test_a_clock_that_is_hours_off_is_named(seaweed: Seaweed, tmp_path: Path) -> None:
    """By what the server itself answers to such a request; whatever is asked first."""
    found = importlib.util.find_spec("libfaketime")
    if not found or not found.submodule_search_locations:
        pytest.skip("libfaketime is not installed")
    library = Path(found.submodule_search_locations[0], "vendor", "libfaketime", "src", "libfaketime.so.1")
    settings = seaweed.settings(tmp_path, "plant").model_dump_json()
    environment = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": "-2h"}
    words = [sys.executable, "-c", OF_ANOTHER_CLOCK, settings]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.split() == ["VaultClockOff"] * 4, done.stderr


def test_what_was_stored_survives_a_killed_server(tmp_path: Path) -> None:
    """While the server is down the vault is away; when it is back, all that was acknowledged is there."""
    with running(tmp_path) as server:
        vault = open_vault(server.settings(tmp_path, "plant"))
        stored = {f"a/{number}": os.urandom(10_000) for number in range(50)}
        for key, content in stored.items():
            vault.put_new(key, content)
        server.kill()
        with pytest.raises(VaultAway, match="no server listens there"):
            vault.get("a/1")
        server.start()
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                assert {each.key: vault.get(each.key) for each in vault.keys("a")} == stored
                break
            except (VaultAway, AssertionError):
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.2)
        with pytest.raises(KeyTaken):
            vault.put_new("a/1", b"1")


def test_a_large_file_goes_in_parts(seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back as it was, in ranges that cross the parts too, and is stored once."""
    monkeypatch.setattr(bucket, "_LARGEST_PUT_BYTES", 10_000_000)
    path = tmp_path / "large"
    content = os.urandom(20_000_001)
    path.write_bytes(content)
    vault = open_vault(seaweed.settings(tmp_path, f"large/{uuid4()}"))
    vault.put_file("blobs/large.gz", path)
    assert vault.size_of("blobs/large.gz") == len(content)
    assert b"".join(vault.stream("blobs/large.gz")) == content == vault.get("blobs/large.gz")
    assert vault.get("blobs/large.gz", start=7_999_990, length=8_000_020) == content[7_999_990:16_000_010]
    with pytest.raises(KeyTaken):
        vault.put_file("blobs/large.gz", path)


def test_nothing_goes_to_a_server_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    """The authority is named by vault_ca_file, and TLS is used; another authority's certificate is refused."""
    trusted, leaf, key = authority(tmp_path)
    with running(tmp_path, certificate=leaf, key=key) as server:
        settings = server.settings(tmp_path, "plant", endpoint=server.https_endpoint)
        with pytest.raises(VaultRefused, match="certificate is not trusted; name the authority's in vault_ca_file"):
            open_vault(settings).put_new("a/1", b"1")
        with_ca = settings.model_copy(update={"vault_ca_file": str(trusted)})
        open_vault(with_ca).put_new("a/1", b"1")
        assert open_vault(with_ca).get("a/1") == b"1"


def test_a_secret_is_in_no_text(seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the file's errors nor in the server's; a file that others may read is refused (invariant 10)."""
    settings = seaweed.settings(tmp_path, "plant", user="nobody")
    open_vault(settings)
    assert secret("nobody") not in redaction.redacted(f"the secret is {secret('nobody')}")
    monkeypatch.setattr(credentials, "others_who_may_read", lambda _: ("everyone",))
    monkeypatch.setattr(credentials, "group_who_may_read", lambda _: "users")
    with pytest.raises(ConfigError, match=r"nobody\.key: can be read by everyone; let") as caught:
        open_vault(settings)
    assert secret("nobody") not in str(caught.value)
