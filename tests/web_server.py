"""The web pages of an archive in a process of their own, as the command starts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PATIENCE_MS = 120_000
"""How long a browser waits: a busy machine starts a replay slowly."""


@dataclass(frozen=True)
class Pages:
    """Running pages."""

    sign_in: str
    """The address that signs in."""

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
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A browser that has signed in."""
        with httpx.Client(base_url=self.address, follow_redirects=True, timeout=30) as client:
            assert client.get(self.sign_in).status_code == 200
            yield client


@contextmanager
def pages(archive: Path) -> Iterator[Pages]:
    """Serve the pages of an archive."""
    words = [sys.executable, "-m", "pywats_archive", "web", "--port", "0", "--archive", str(archive)]
    with serving(words) as running:
        yield running


@contextmanager
def serving(words: list[str]) -> Iterator[Pages]:
    """Run a command that prints the address of its pages, and end it in order."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        lines = iter(process.stdout)
        address = next((line.strip() for line in lines if line.startswith(("http://127.0.0.1:", "https://"))), "")
        assert address, "no address was printed"
        yield Pages(sign_in=address)
    finally:
        process.terminate()
        assert process.stdout
        process.stdout.read()
        assert process.wait(timeout=60) == 0
        process.stdout.close()
