"""The web pages of an archive in a process of their own, as the command serves them."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.command import Process, started
from tests.patience import PATIENCE_S

PATIENCE_MS = PATIENCE_S * 1000
"""How long a browser waits."""
TRUST = ssl.create_default_context()
"""Made once; each client would read all certificates of authorities for itself."""


@dataclass(frozen=True)
class Pages:
    """Running pages."""

    sign_in: str
    """The address that signs in."""
    process: int = 0
    """The id of the process that serves them, if it is not this one."""

    @property
    def address(self) -> str:
        """Where the pages are."""
        return self.sign_in.partition("/sign-in")[0]

    @property
    def token(self) -> str:
        """The station's token."""
        return self.sign_in.partition("token=")[2]

    def api(self) -> httpx.Client:
        """A program with the token."""
        return httpx.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE_S, verify=TRUST
        )

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A browser that has signed in."""
        with httpx.Client(base_url=self.address, follow_redirects=True, timeout=PATIENCE_S, verify=TRUST) as client:
            assert client.get(self.sign_in).status_code == 200
            yield client


@contextmanager
def pages(archive: Path) -> Iterator[Pages]:
    """Serve the pages of an archive."""
    with serving("web", "--port", "0", "--archive", archive) as running:
        yield running


@contextmanager
def serving(*words: str | Path) -> Iterator[Pages]:
    """Run the command with words that make it print the address of its pages, and end it in order."""
    with _announced(lambda stdout: started(*words, stdout=stdout, stderr=2)) as running:
        yield running


@contextmanager
def spawning(words: list[str]) -> Iterator[Pages]:
    """Run a program that becomes the command, started as by a shell."""
    with _announced(lambda stdout: subprocess.Popen(words, stdout=stdout)) as running:
        yield running


@contextmanager
def _announced(start: Callable[[int], subprocess.Popen[bytes] | Process]) -> Iterator[Pages]:
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as output:
        try:
            process = start(writer)
        finally:
            os.close(writer)
        try:
            address = next((line.strip() for line in output if line.startswith(("http://127.0.0.1:", "https://"))), "")
            assert address, "no address was printed"
            yield Pages(sign_in=address, process=process.pid)
        finally:
            process.terminate()
            output.read()
            assert process.wait(timeout=PATIENCE_S) == 0
