"""Whether the server accepts the station's reports, as far as can be known without sending one, and what its clock says."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import timedelta

from pywats_archive.config.server import ServerConfig
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.host.server.answers import BUSY, CREDENTIALS, HINTS, Answer, Content, Reply, Trouble, words_of
from pywats_archive.host.server.reach import Reached, reach
from pywats_archive.redaction import redacted

CLOCK_WITHIN = timedelta(minutes=1)
"""The service raises an alert at five minutes; a clock that is a minute wrong is not set by a time server."""
_LONGEST = 300


def check_server(server: ServerConfig, *, asked: Callable[[ServerConfig], Reached] = reach) -> tuple[StationCheck, ...]:
    """Ask the server and compare the clocks; ends within half a minute."""
    found = asked(server)
    return (rate_server(server, found), rate_clock(found))


def rate_server(server: ServerConfig, found: Reached) -> StationCheck:
    """Decide by its answers whether the server accepts reports. Pure."""
    if found.fault:
        advice = "set service_address and api_token in the configuration; until then reports wait in the archive"
        return _check(CheckLevel.FAILED, found.fault, advice)
    if found.silence:
        return _silent(server, found.silence)
    assert found.version is not None and found.lookup is not None
    replies = (found.version, found.lookup)
    if refused := next((each for each in replies if each.code in CREDENTIALS), None):
        return _answered(server, refused, CheckLevel.FAILED)
    if busy := next((each for each in replies if each.code in BUSY), None):
        return _answered(server, busy, CheckLevel.WARNING)
    if any(each.content in (Content.HTML, Content.CUT) and each.code < 400 for each in replies):
        seen = f"{_address(server)} answers, but is not a WATS server: {_short(words_of(found.version))}"
        return _check(CheckLevel.FAILED, seen, "check service_address; a proxy or a login page may be in between")
    if not 200 <= found.version.code < 300:
        return _answered(server, found.version, CheckLevel.FAILED)
    version = found.version.document or found.version.body.decode("utf-8", "replace")
    return _check(CheckLevel.OK, f"{_address(server)} accepts {credentials_of(server)}; version {_short(str(version))}")


def rate_clock(found: Reached) -> StationCheck:
    """Compare this computer's clock with the server's. Pure."""
    reply = found.lookup or found.version
    if reply is None or reply.server_time is None or found.heard_at is None:
        return StationCheck(topic=Topic.CLOCK, level=CheckLevel.SKIPPED, seen="the server's clock is unknown")
    offset = (found.heard_at - reply.server_time).total_seconds()
    seen = f"{abs(offset):,.0f} s {'ahead of' if offset > 0 else 'behind'} the server's clock"
    if abs(offset) <= CLOCK_WITHIN.total_seconds():
        seen = "agrees with the server's clock" if abs(offset) <= 2 else seen
        return StationCheck(topic=Topic.CLOCK, seen=seen)
    advice = "set both clocks by the same time server; retention and the times in reports depend on them"
    return StationCheck(topic=Topic.CLOCK, level=CheckLevel.WARNING, seen=seen, advice=advice)


def credentials_of(server: ServerConfig) -> str:
    """Describe the token without revealing it."""
    token = server.api_token
    try:
        user, colon, _ = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        user, colon = "", ""
    return f"the token of {user!a}" if colon and user else f"the token ({len(token)} characters)"


def _silent(server: ServerConfig, silence: Answer) -> StationCheck:
    reason = _short(silence.reason.partition(" | ")[0])
    if silence.trouble in (Trouble.UNUSABLE, Trouble.UNAUTHORISED):
        return _check(CheckLevel.FAILED, reason)
    advice = "check service_address, the network and its proxy; until then reports wait in the archive"
    return _check(CheckLevel.FAILED, f"{_address(server)} does not answer ({reason.rpartition(': ')[2]})", advice)


def _answered(server: ServerConfig, reply: Reply, level: CheckLevel) -> StationCheck:
    advice = HINTS.get(reply.code, "see the server's own log; until then reports wait in the archive")
    return _check(level, f"{_address(server)} answered {reply.code}: {_short(words_of(reply))}", advice)


def _check(level: CheckLevel, seen: str, advice: str = "") -> StationCheck:
    return StationCheck(topic=Topic.SERVER, level=level, seen=redacted(seen), advice=advice)


def _address(server: ServerConfig) -> str:
    return redacted(server.service_address)


def _short(text: str) -> str:
    line = " ".join(redacted(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
