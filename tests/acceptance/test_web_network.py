"""The pages on the network: HTTPS with a certificate made here by openssl, users, and no token of the station."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.filled import fill
from tests.station import PATIENCE_S, wait_for
from tests.web_server import Pages, spawning

from pywats_archive.client import Client
from pywats_archive.errors import NotAllowed, StationAway
from pywats_archive.models.event import EventFilter
from pywats_archive.portable.files import WINDOWS
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.token import load_token
from pywats_archive.web.access.users import Users

PASSWORD = "correct horse battery"
OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs openssl: apt-get install openssl")
WEB = [sys.executable, "-m", "pywats_archive", "web"]
HALF = b"POST /sign-in HTTP/1.1\r\nHost: station.test\r\nContent-Length: 100\r\n\r\nname="


def certificate(folder: Path, name: str = "station.test") -> tuple[Path, Path]:
    """Make a certificate for a name and 127.0.0.1, with its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-days", "2"]
    subprocess.run([*words, "-out", made, "-keyout", key], check=True, capture_output=True)
    key.chmod(0o600)
    return made, key


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station with an admin and a viewer, and a certificate."""
    base = tmp_path_factory.mktemp("station")
    fill(base)
    for role in (Role.ADMIN, Role.VIEWER):
        Users(base / "archive").add(role.value, PASSWORD, role)
    certificate(base)
    return base


@pytest.fixture(scope="module")
def served(base: Path) -> Iterator[Pages]:
    """Its pages, on all addresses of this computer."""
    files = ["--certificate", str(base / "station.test.pem"), "--key", str(base / "station.test.key")]
    place = ["--host", "0.0.0.0", "--port", "0", "--name", "station.test", "--archive", str(base / "archive")]
    with spawning([*WEB, *place, *files]) as running:
        yield running


@pytest.mark.skipif(WINDOWS, reason="has no limit of open files for a process")
def test_connections_without_a_handshake_fill_no_log(base: Path) -> None:
    """Whoever opens more of them than the process may have keeps others out, and causes one line, also when the pages end."""
    files = ["--certificate", str(base / "station.test.pem"), "--key", str(base / "station.test.key")]
    place = ["--host", "0.0.0.0", "--port", "0", "--name", "station.test", "--archive", str(base / "archive")]
    command = f"ulimit -n 128; exec {shlex.join([*WEB, *place, *files])}"
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr
    port = int(process.stdout.readline().rpartition(":")[2].partition("/")[0])
    trust = ssl.create_default_context(cafile=str(base / "station.test.pem"))
    with ExitStack() as opened:
        slow = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        slow = opened.enter_context(trust.wrap_socket(slow, server_hostname="127.0.0.1"))
        slow.sendall(HALF)  # the end waits for the rest, and asyncio tries to accept connections again meanwhile
        assert slow.recv(1000).startswith(b"HTTP/1.1 403 ")
        for _ in range(256):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        first = process.stderr.readline()
        process.terminate()
        rest = process.communicate(timeout=PATIENCE_S)[1]
    assert "web.too_many_connections" in first and rest.count("\n") < 5, first + rest


def browser(served: Pages, base: Path, **more: object) -> httpx.Client:
    """Somebody who trusts the certificate."""
    trust = ssl.create_default_context(cafile=str(base / "station.test.pem"))
    port = served.address.rpartition(":")[2]
    return httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trust, timeout=PATIENCE_S, **more)  # type: ignore[arg-type]


def test_users_sign_in_over_https(served: Pages, base: Path) -> None:
    """The cookie is for this host over HTTPS alone, and browsers use nothing else from then on."""
    assert served.address.startswith("https://station.test:") and "token" not in served.sign_in
    with browser(served, base) as office:
        form = office.get("/sign-in")
        assert 'name="password"' in form.text and 'name="token"' not in form.text
        answer = office.post("/sign-in", data={"name": "viewer", "password": PASSWORD})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-pywats-archive-") and "; Path=/;" in cookie and "Domain" not in cookie
        assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=lax" in cookie
        shown = office.get("/archives", headers={"host": "STATION.test"})
        assert shown.status_code == 200
        for each in (form, answer, shown, office.get("/none", headers={"host": "x"})):
            assert each.headers["strict-transport-security"] == "max-age=31536000"
        assert office.get("/archives", headers={"host": "evil.example"}).status_code == 421


def test_the_token_of_the_station_signs_nobody_in(served: Pages, base: Path) -> None:
    """Neither in the form nor in a header, nor a session of it from before; a user's token does, with the user's role."""
    station = load_token(base / "archive")
    before = Sessions(base / "archive", length=timedelta(hours=1)).begin("owner")
    with Client(base / "archive") as client:
        others = client.events().positions  # other tests of this station are refused too
    with browser(served, base) as office:
        office.post("/sign-in", data={"name": "viewer", "password": PASSWORD})
        (name,) = dict(office.cookies)
        office.cookies.clear()
        assert office.get("/archives", headers={"cookie": f"{name}={before}"}).status_code == 303
        assert office.get("/sign-in", params={"token": station}).status_code == 403
        assert office.post("/sign-in", data={"token": station}).status_code == 403
        answer = office.get("/api/v1/entries", headers={"authorization": f"Bearer {station}"})
        assert answer.status_code == 401
        own = Users(base / "archive").add_token("viewer", "script", days=1)
        for method, expected in (("GET", 200), ("POST", 403)):
            place = "/api/v1/entries" if method == "GET" else "/api/v1/integrity/check"
            asked = {"authorization": f"Bearer {own}"}
            assert office.request(method, place, headers=asked, json={}).status_code == expected
    with Client(base / "archive") as client:
        refused = client.events(EventFilter(kinds=("user.refused",)), after=others).events
        assert {each.details["by"] for each in refused} == {"token"} and station not in str(refused)


def test_a_client_over_https(served: Pages, base: Path) -> None:
    """Its token acts with the role of its user, and under that name."""
    token = Users(base / "archive").add_token("viewer", "client", days=1)
    address = f"https://127.0.0.1:{served.address.rpartition(':')[2]}"
    with (
        Client(address, token=token, ca_file=base / "station.test.pem") as there,
        Client(base / "archive") as here,
    ):
        assert (there.find(), there.actor) == (here.find(), "token:viewer/client")
        entry = here.resolve("SN0.csv")
        with there.open_source(entry) as stream:
            assert len(stream.read()) == 4000
        assert "token:viewer/client" in {event.actor for event in here.details(entry).events}
        with pytest.raises(NotAllowed, match="an operator or an admin may"):
            there.retention.hold([entry], "why")


def test_a_client_says_how_to_trust_a_certificate_of_your_own(served: Pages, base: Path) -> None:
    """A certificate that the system does not know is no reason to start the pages again."""
    address = f"https://127.0.0.1:{served.address.rpartition(':')[2]}"
    token = Users(base / "archive").add_token("viewer", "office", days=1)
    with pytest.raises(StationAway, match=r"certificate verify failed.*; pass .* as ca_file"):
        Client(address, token=token)
    with Client(address, token=token, ca_file=base / "station.test.pem") as client:
        assert client.find(limit=1).total


def test_old_protocols_and_plain_http_are_refused(served: Pages) -> None:
    """TLS 1.2 or newer."""
    port = int(served.address.rpartition(":")[2])
    for version, works in (
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
                context.wrap_socket(plain) as secure,
            ):
                assert works and secure.version() == version.name.replace("TLSv1_", "TLSv1.")
        except (ssl.SSLError, ConnectionError):
            assert not works
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{port}/sign-in")


def refused(*words: str) -> str:
    """What the command says when it does not begin."""
    done = subprocess.run(
        [*WEB, "--port", "0", *words], check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 2 and done.stdout == "", done
    return done.stderr


@pytest.mark.timeout(1800)
def test_nothing_opens_to_the_network_unprotected(base: Path, tmp_path: Path) -> None:
    """Without HTTPS or without a user, the command says what is missing and how to get it."""
    archive = ["--archive", str(base / "archive"), "--host", "0.0.0.0"]
    made, key = base / "station.test.pem", base / "station.test.key"
    assert "--certificate FILE" in refused(*archive)
    assert "--certificate" in refused("--archive", str(base / "archive"), "--key", str(key))
    other, other_key = certificate(tmp_path, "other.test")
    assert "belong together" in refused(*archive, "--certificate", str(made), "--key", str(other_key))
    assert "cannot be read" in refused(*archive, "--certificate", str(tmp_path / "none"), "--key", str(key))
    words = [str(OPENSSL), "rsa", "-aes128", "-passout", "pass:secret", "-in", str(other_key), "-out"]
    subprocess.run([words[0], "pkey", *words[2:], str(tmp_path / "locked.key")], check=True, capture_output=True)
    said = refused(*archive, "--certificate", str(other), "--key", str(tmp_path / "locked.key"))
    assert "protected by a password" in said
    fill(tmp_path)
    bare = ["--archive", str(tmp_path / "archive"), "--host", "0.0.0.0"]
    assert "web users add NAME --role admin" in refused(*bare, "--certificate", str(made), "--key", str(key))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: those of pytest are closed again by each start of another pytest."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.posix("file modes and SIGHUP")
def test_a_renewed_certificate_and_a_key_that_others_may_read(base: Path, open_folder: Path) -> None:
    """The pages keep a certificate until another one comes with its key; a key that others may read is a warning."""
    made, key = certificate(open_folder)
    key.chmod(0o644)
    words = [*WEB, "--port", "0", "--archive", str(base / "archive"), "--certificate", str(made), "--key", str(key)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stderr
        address = process.stdout.readline().strip()
        place = ("127.0.0.1", int(address.partition("/sign-in")[0].rpartition(":")[2]))
        before = ssl.get_server_certificate(place)
        renewed, renewed_key = certificate(open_folder, "renewed.test")
        content = renewed.read_text()
        renewed.replace(made)
        process.send_signal(signal.SIGHUP)
        said = [process.stderr.readline(), process.stderr.readline()]
        assert "web.key_not_private" in said[0] and "web.certificate_rejected" in said[1], said
        assert ssl.get_server_certificate(place) == before
        renewed_key.replace(key)
        wait_for(lambda: ssl.get_server_certificate(place) == content)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
