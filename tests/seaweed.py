"""A real server for buckets (SeaweedFS) on loopback, and what a station is configured with to use it."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from pywats_archive.config.vault import VaultSettings
from pywats_archive.vault.rights import least_rights
from tests.patience import PATIENCE_S

BUCKET = "archives"
LEAST_UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
"""The archive for whose station the key ``least`` has its rights, below the prefix ``least``."""
_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
_S3_PORTS = ("s3.port", "s3.port.grpc", "s3.port.https")
_OWN_SERVER = ("-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=200")


def program(name: str) -> str:
    """Return the path of a program that a package of the extra ``dev`` brings; skips the test where there is none."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def free_ports(count: int) -> list[int]:
    """Return different ports of loopback that nobody uses now, below those that the system gives to connections."""
    found: list[int] = []
    for port in random.sample(range(10_240, 32_000), 1000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found


class Seaweed:
    """A server with the bucket ``archives``, and keys called ``admin``, ``station``, ``least`` and ``nobody``."""

    def __init__(
        self,
        folder: Path,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        archive_uuid: str = LEAST_UUID,
    ) -> None:
        self._archive_uuid = archive_uuid
        self._program = program("weed")
        self._folder = folder
        names = (*_PORTS, *_S3_PORTS)
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._tls = [f"-s3.cert.file={certificate}", f"-s3.key.file={key}"] if certificate else []
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.https_endpoint = f"https://127.0.0.1:{self._ports['s3.port.https']}"
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps(self._identities()), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def settings(self, folder: Path, prefix: str, *, user: str = "station", endpoint: str = "") -> VaultSettings:
        """Return the keys of a vault below a prefix; the credentials are in a file in ``folder``."""
        return station_settings(folder, prefix, user=user, endpoint=endpoint or self.endpoint)

    def start(self) -> None:
        """Start the server, or start it again with what it stored, and wait until it answers."""
        chosen = [f"-{name}={port}" for name, port in self._ports.items() if self._tls or name != "s3.port.https"]
        words = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self._folder / 'data'}", "-filer", "-s3"]
        config = f"-s3.config={self._folder / 's3.json'}"
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "server", *words, *_OWN_SERVER, config, *chosen, *self._tls],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        until_s = time.monotonic() + PATIENCE_S
        while not self._answers():
            if time.monotonic() > until_s or self._process.poll() is not None:
                self.kill()
                pytest.fail((self._folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server, as a crash does; idempotent."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.endpoint}/healthz", timeout=1):
                return True
        except (URLError, OSError):
            return False

    def _identities(self) -> dict[str, object]:
        below = VaultSettings(vault_url=f"s3://{BUCKET}/least", vault_endpoint=self.endpoint)
        policy = {"name": "least", "content": least_rights(below, self._archive_uuid)}
        rights: dict[str, dict[str, list[str]]] = {
            "admin": {"actions": ["Admin"]},
            "station": {"actions": [f"{what}:{BUCKET}" for what in ("Read", "List", "Write")]},
            "least": {"policyNames": ["least"]},
            "nobody": {"actions": ["Read:other"]},
        }
        users = [
            {"name": user, "credentials": [{"accessKey": user, "secretKey": secret(user)}], **allowed}
            for user, allowed in rights.items()
        ]
        return {"identities": users, "policies": [policy]}


def station_settings(folder: Path, prefix: str, *, endpoint: str, user: str = "station") -> VaultSettings:
    """Return the keys of a vault below a prefix; the credentials are in a file in ``folder``."""
    path = folder / f"{user}.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(
            f"[default]\naws_access_key_id = {user}\naws_secret_access_key = {secret(user)}\n", encoding="ascii"
        )
    return VaultSettings(
        vault_url=f"s3://{BUCKET}/{prefix}",
        vault_endpoint=endpoint,
        vault_credentials=str(path),
    )


def secret(user: str) -> str:
    """Return the secret of a key."""
    return f"secret-of-{user}-0123456789"


@contextmanager
def running(
    folder: Path, *, certificate: Path | None = None, key: Path | None = None, archive_uuid: str = LEAST_UUID
) -> Iterator[Seaweed]:
    """Run a server with an empty bucket; the key ``least`` is that of a station with the archive ``archive_uuid``."""
    os.environ.pop("AWS_ENDPOINT_URL", None)
    server = Seaweed(folder, certificate=certificate, key=key, archive_uuid=archive_uuid)
    server.start()
    try:
        create_bucket(server, folder)
        yield server
    finally:
        server.kill()


def create_bucket(server: Seaweed, folder: Path) -> None:
    """An administrator's first object creates the bucket; the filer may need a moment before it stores one."""
    from pywats_archive.errors import KeyTaken, VaultAway  # noqa: PLC0415
    from pywats_archive.vault.opening import open_vault  # noqa: PLC0415

    vault = open_vault(server.settings(folder, "", user="admin"))
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return vault.put_new("created", b"1")
        except KeyTaken:
            return None
        except VaultAway:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.1)


@contextmanager
def replacing_server(folder: Path) -> Iterator[VaultSettings]:
    """Run a real server that says it stored an object only if it was new, and replaces it (``rclone serve s3``)."""
    (port,) = free_ports(1)
    (folder / "objects" / BUCKET).mkdir(parents=True)
    words = ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"station,{secret('station')}"]
    with (folder / "rclone.txt").open("ab") as log:
        environment = {**os.environ, "RCLONE_CONFIG": str(folder / "none.conf")}
        process = subprocess.Popen(
            [program("rclone"), *words, str(folder / "objects")], stdout=log, stderr=log, env=environment
        )
    try:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield station_settings(folder, "liar", endpoint=f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
