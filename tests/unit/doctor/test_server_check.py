"""What doctor says of a server, by its answers over HTTP."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.tls import untrusted_server

from pywats_archive.config.server import ServerConfig
from pywats_archive.demo.faults import LOGIN_PATH
from pywats_archive.demo.reception import VERSION
from pywats_archive.demo.server import WatsServer
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck
from pywats_archive.doctor.station.server import check_server, credentials_of, rate_clock, rate_server
from pywats_archive.host.server.answers import Reply
from pywats_archive.host.server.reach import Reached, reach
from pywats_archive.models.time import UTC

TOKEN = base64.b64encode(b"station:s3cret-word").decode()
NOW = datetime(2026, 2, 13, 10, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[WatsServer]:
    """A server that accepts one token."""
    with WatsServer(token=TOKEN) as running:
        yield running


def asked(address: str, token: str = TOKEN, *, timeout_s: float = PATIENCE_S) -> StationCheck:
    """Ask a server as doctor does, but with another time limit."""
    config = ServerConfig(service_address=address, api_token=token)
    check, _ = check_server(config, asked=lambda server: reach(server, timeout_s=timeout_s))
    assert "s3cret" not in str(check) and TOKEN not in str(check)
    return check


def test_a_server_that_accepts_the_token_is_ok_and_nothing_is_sent(server: WatsServer) -> None:
    """Address, user and version are named, and the server received no report."""
    check = asked(server.address)
    assert check.level is CheckLevel.OK and not check.advice
    assert check.seen == f"{server.address} accepts the token of 'station'; version {VERSION}"
    assert server.requests == 0


def test_a_wrong_token_is_told_before_a_report_needs_it(server: WatsServer) -> None:
    """The advice names the key to correct."""
    check = asked(server.address, base64.b64encode(b"station:other-word").decode())
    assert check.level is CheckLevel.FAILED
    assert "answered 401" in check.seen and "api_token" in check.advice


@pytest.mark.parametrize(
    ("path", "seen"),
    [("/elsewhere", "answered 404"), (f"{LOGIN_PATH}?x=", "answers, but is not a WATS server")],
)
def test_a_wrong_address_is_told(server: WatsServer, path: str, seen: str) -> None:
    """Neither a missing page nor a login page counts as a server that accepts reports."""
    check = asked(server.address + path)
    assert check.level is CheckLevel.FAILED
    assert seen in check.seen and "service_address" in check.advice


def test_a_server_that_is_down_is_told(server: WatsServer) -> None:
    """The report says that nothing is lost meanwhile."""
    server.stop()
    check = asked(server.address)
    assert check.level is CheckLevel.FAILED
    assert "does not answer" in check.seen and "reports wait in the archive" in check.advice


def test_a_server_that_never_answers_ends_the_check() -> None:
    """Something listens at the address, and nothing comes back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = asked(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=2)
    assert check.level is CheckLevel.FAILED and "does not answer (no answer within 2 s)" in check.seen


def test_an_untrusted_certificate_is_told(tmp_path: Path) -> None:
    """The reason of the check is that of a submission."""
    with untrusted_server(tmp_path) as address:
        check = asked(address)
    assert check.level is CheckLevel.FAILED and "is not trusted" in check.seen


@pytest.mark.parametrize(("address", "token"), [("", TOKEN), ("http://127.0.0.1:1", ""), ("ftp://127.0.0.1", TOKEN)])
def test_a_missing_setting_is_told_without_a_request(address: str, token: str) -> None:
    """The keys to set are named."""
    check = asked(address, token)
    assert check.level is CheckLevel.FAILED and "service_address" in f"{check.seen} {check.advice}"


def replies(version: Reply, lookup: Reply | None = None) -> Reached:
    """Make the answers of a server."""
    return Reached(version=version, lookup=lookup or Reply(code=404, body=b"{}"), heard_at=NOW)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (replies(Reply(code=200, body=b'"24.1"')), CheckLevel.OK),
        (replies(Reply(code=200, body=b"24.1")), CheckLevel.OK),
        (replies(Reply(code=200, body=b'"24.1"'), Reply(code=401)), CheckLevel.FAILED),
        (replies(Reply(code=407)), CheckLevel.FAILED),
        (replies(Reply(code=503)), CheckLevel.WARNING),
        (replies(Reply(code=500)), CheckLevel.FAILED),
        (replies(Reply(code=200, body=b"<html>Welcome</html>")), CheckLevel.FAILED),
        (replies(Reply(code=200, is_whole=False)), CheckLevel.FAILED),
    ],
)
def test_each_answer_has_its_level(found: Reached, level: CheckLevel) -> None:
    """Only a version, and a question for a report that is not refused, make the server sound."""
    check = rate_server(ServerConfig(service_address="http://wats", api_token=TOKEN), found)
    assert check.level is level and bool(check.advice) is (level is not CheckLevel.OK)


@pytest.mark.parametrize(
    ("seconds", "level", "seen"),
    [
        (0, CheckLevel.OK, "agrees with the server's clock"),
        (-30, CheckLevel.OK, "30 s behind the server's clock"),
        (3600, CheckLevel.WARNING, "3,600 s ahead of the server's clock"),
        (-90, CheckLevel.WARNING, "90 s behind the server's clock"),
    ],
)
def test_clocks_are_compared(seconds: int, level: CheckLevel, seen: str) -> None:
    """A minute is the limit."""
    reply = Reply(code=200, body=b'"24.1"', date="Fri, 13 Feb 2026 10:00:00 GMT")
    found = replace(replies(reply, reply), heard_at=NOW + timedelta(seconds=seconds))
    check = rate_clock(found)
    assert (check.level, check.seen) == (level, seen)


def test_without_an_answer_the_clock_is_unknown() -> None:
    """It is no fault of the clock."""
    assert rate_clock(Reached(fault="no server")).level is CheckLevel.SKIPPED


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (TOKEN, "the token of 'station'"),
        ("bm90YXVzZXI=", "the token (12 characters)"),
        ("%%", "the token (2 characters)"),
    ],
)
def test_a_token_is_described_without_its_secret(token: str, told: str) -> None:
    """A user's name may be shown, and a password may not."""
    assert credentials_of(ServerConfig(api_token=token)) == told
