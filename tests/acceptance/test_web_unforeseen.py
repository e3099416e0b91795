"""Errors that nobody foresaw, and connections from elsewhere."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from tests.filled import fill
from tests.hostile_station import in_a_thread
from tests.web_server import pages

from pywats_archive.client import Client
from pywats_archive.web.access.guard import HEADERS

PLACES = {"/archives": "text/html", "/api/v1/entries": "application/problem+json"}


def test_an_unexpected_error_says_nothing_of_the_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page and problem have the security headers and the kind of the error alone; the next request is answered."""
    fill(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"in {tmp_path}")

    root = tmp_path / "archive"
    with Client(root) as client, in_a_thread(client, root) as served, served.browser() as browser:
        with monkeypatch.context() as broken:
            broken.setattr(Client, "find", fail)
            for place, kind in PLACES.items():
                answer = browser.get(place)
                assert answer.status_code == 500 and answer.headers["content-type"].startswith(kind)
                assert "ZeroDivisionError" in answer.text and str(tmp_path) not in answer.text
                assert HEADERS.items() <= dict(answer.headers).items()
                assert "Traceback" not in answer.text
        assert [browser.get(place).status_code for place in PLACES] == [200, 200]


@pytest.mark.skipif(sys.platform != "linux", reason="only there, every address of 127.0.0.0/8 is one of this computer")
def test_only_this_computer_is_served_by_default(tmp_path: Path) -> None:
    """The pages listen at 127.0.0.1 and at no other address, so that no firewall asks."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served:
        port = int(served.address.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
