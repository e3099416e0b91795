"""Which requests the pages accept."""

from __future__ import annotations

from itertools import product

import pytest

from pywats_archive.web.access.guard import is_from_here, is_known_host

NAMES = {"127.0.0.1", "localhost"}


@pytest.mark.parametrize("host", ["127.0.0.1:8087", "localhost", "LOCALHOST:1"])
def test_own_names(host: str) -> None:
    """A browser may use each name of the server, with any port."""
    assert is_known_host(host, NAMES)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8087", "127.0.0.1.evil.example", "[::1]:8087", ":80"]
)
def test_other_names(host: str) -> None:
    """Another name that leads to this computer is refused: its page could read the answers."""
    assert not is_known_host(host, NAMES)


@pytest.mark.parametrize(
    ("method", "headers", "is_accepted"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "none"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "http://localhost:1", "host": "localhost:1"}, False),
        ("POST", {"origin": "http://localhost:1", "host": "localhost:1"}, True),
        ("POST", {"origin": "http://localhost:2", "host": "localhost:1"}, False),
        ("POST", {"origin": "null", "host": "localhost:1"}, False),
        ("DELETE", {"origin": "http://evil.example", "host": "localhost:1"}, False),
        ("POST", {"host": "localhost:1"}, True),
    ],
)
def test_where_a_change_comes_from(method: str, headers: dict[str, str], is_accepted: bool) -> None:
    """Only these pages, or a program, may change anything; any page may link here."""
    assert is_from_here(method, headers) is is_accepted


def test_every_combination_of_headers() -> None:
    """A change is accepted from these pages and from programs, whatever else is claimed: a browser sends no false header."""
    host, other = "localhost:1", "http://evil.example"
    sites = (None, "same-origin", "none", "same-site", "cross-site", "", "odd")
    origins = (None, f"http://{host}", f"https://{host.upper()}", other, f"{other}:1", "null", "")
    for method, site, origin in product(("POST", "PUT", "PATCH", "DELETE"), sites, origins):
        sent = {"host": host, "sec-fetch-site": site, "origin": origin}
        is_own_page = site in ("same-origin", "none")
        is_program_or_old_browser = site is None and origin in (None, *origins[1:3])
        headers = {name: value for name, value in sent.items() if value is not None}
        assert is_from_here(method, headers) is (is_own_page or is_program_or_old_browser), (method, headers)
