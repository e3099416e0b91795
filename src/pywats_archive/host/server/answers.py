"""What an answer means for a report: the server has it, refuses it, or answers about something else.

Decided from values alone. Between station and server stand proxies, gateways and login pages, whose answers look like the
server's. So only the report's own id is an acceptance, and only a refusal in JSON with a code that concerns the document is
a refusal: a report is never refused because of a fault that is not its own.
"""

from __future__ import annotations

import ssl
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import orjson

from pywats_archive.models.time import UTC

LONGEST_RETRY_AFTER = timedelta(minutes=15)
"""The longest pause that a server can ask for, since its clock or configuration may be wrong."""


class SubmitOutcome(str, Enum):
    """The outcome of a submission."""

    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    STOP = "stop"
    """The server accepts nothing until a person acts: wrong credentials, wrong address."""


class Trouble(str, Enum):
    """The cause of a LATER or STOP that is not known to concern the report."""

    UNAUTHORISED = "unauthorised"
    """The server, or a proxy in front of it, rejects the station's credentials."""
    UNUSABLE = "unusable"
    """A person must fix something else: certificate, address, licence."""
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    """The server asks for a pause, or a gateway cannot reach it."""
    NOT_THE_SERVER = "not the server"
    """A login page, a gateway or a captive portal answered."""
    TIMED_OUT = "timed out"
    BROKEN_OFF = "broken off"
    """Of both: whether the server has the report is unknown."""
    ANOTHER_ID = "another id"
    """The server confirmed a report that was not sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to one try: a verdict, and its reason in one line."""

    verdict: SubmitOutcome
    reason: str = ""
    trouble: Trouble | None = None
    retry_after: timedelta | None = None
    """The pause that the server asks for."""
    server_time: datetime | None = None
    """The clock of the host that answered, to the second."""


class Content(str, Enum):
    """The kind of a body, regardless of its headers."""

    JSON = "json"
    HTML = "html"
    TEXT = "text"
    NOTHING = "nothing"
    CUT = "cut"
    """Longer than an answer may be, or not readable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The relevant parts of an HTTP answer."""

    code: int
    body: bytes = b""
    content_type: str = ""
    retry_after: str = ""
    date: str = ""
    is_whole: bool = True

    @property
    def content(self) -> Content:
        """The kind of the body."""
        if not self.is_whole:
            return Content.CUT
        text = self.body.strip()
        if not text:
            return Content.NOTHING
        if text[:1] == b"<":
            return Content.HTML
        if isinstance(self.document, dict | list | str):
            return Content.JSON
        return Content.HTML if "html" in self.content_type.lower() else Content.TEXT

    @property
    def document(self) -> Any:
        """The JSON in the body; None if there is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def server_time(self) -> datetime | None:
        """The moment in its Date header."""
        return _moment(self.date)


_ABOUT_THE_DOCUMENT = frozenset({400, 409, 413, 422})
CREDENTIALS = frozenset({401, 403, 407, 511})
BUSY = frozenset({429, 502, 503, 507, 509, 521, 522, 523, 529, 530})
_GAVE_UP_WAITING = frozenset({504, 524, 598})
_LATER = frozenset({408, 425})
HINTS = {
    401: "correct api_token, or have the account enabled",
    402: "have the server's licence checked",
    403: "have the account's rights at the server checked",
    404: "check service_address",
    405: "check service_address",
    407: "the proxy requires credentials; set them in HTTPS_PROXY, or exempt the server with NO_PROXY",
    413: "a proxy or gateway in front of the server rejects reports of this size; raise its limit",
    511: "the network requires a login first",
}
"""What to do about the code of an answer."""


def verdict_of(code: int, content: Content) -> tuple[SubmitOutcome, Trouble | None]:
    """Decide by the status and the kind of body of an answer that confirms nothing."""
    if code in CREDENTIALS:
        return SubmitOutcome.STOP, Trouble.UNAUTHORISED
    if code in BUSY:
        return SubmitOutcome.LATER, Trouble.BUSY
    if code in _GAVE_UP_WAITING:
        return SubmitOutcome.LATER, Trouble.TIMED_OUT
    if code in _ABOUT_THE_DOCUMENT:
        if content is Content.JSON:
            return SubmitOutcome.REFUSED, None
        return SubmitOutcome.LATER, None if code == 413 else Trouble.NOT_THE_SERVER
    if 200 <= code < 300:
        return SubmitOutcome.LATER, Trouble.NOT_THE_SERVER if content in (Content.HTML, Content.CUT) else None
    if code in _LATER or code >= 500:
        return SubmitOutcome.LATER, None
    return SubmitOutcome.STOP, Trouble.UNUSABLE


def judge(reply: Reply, report_id: str, *, now: datetime) -> Answer:
    """Decide what an answer to a submission means; the reason has the server's words as they are."""
    returned = _returned_id(reply) if 200 <= reply.code < 300 else None
    if returned is not None and is_same_id(returned, report_id):
        return Answer(verdict=SubmitOutcome.ACCEPTED, server_time=reply.server_time)
    message = (
        _describe(reply) if returned is None else f"not confirmed: the server answered {returned}, not the report's id"
    )
    is_another = returned is not None
    verdict, trouble = (
        (SubmitOutcome.LATER, Trouble.ANOTHER_ID) if is_another else verdict_of(reply.code, reply.content)
    )
    return Answer(
        verdict=verdict,
        reason=message,
        trouble=trouble,
        retry_after=_retry_after(reply, now),
        server_time=reply.server_time,
    )


def judge_silence(exc: BaseException, *, address: str) -> Answer:
    """Decide what a missing answer means, by the exception and its causes."""
    causes, message = tuple(_causes(exc)), f"{type(exc).__name__}: {exc}"
    if untrusted := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
        return Answer(verdict=SubmitOutcome.STOP, reason=_untrusted(untrusted, address), trouble=Trouble.UNUSABLE)
    import httpx  # noqa: PLC0415 (loaded by whoever raised it; every command loads this module)

    failed = next((each for each in causes if isinstance(each, httpx.TransportError)), None)
    if isinstance(failed, httpx.ProxyError) and str(failed)[:3] in ("401", "403", "407"):
        reason = f"the proxy answered {failed}; {HINTS[407]}"
        return Answer(verdict=SubmitOutcome.STOP, reason=reason, trouble=Trouble.UNAUTHORISED)
    silences = (  # the first that fits; of anything else it is unknown how far the report came
        (httpx.ConnectError, Trouble.UNREACHABLE),
        (httpx.ConnectTimeout, Trouble.UNREACHABLE),
        (httpx.ProxyError, Trouble.UNREACHABLE),
        (httpx.TimeoutException, Trouble.TIMED_OUT),
    )
    kinds = (trouble for kind, trouble in silences if isinstance(failed, kind))
    return Answer(verdict=SubmitOutcome.LATER, reason=message, trouble=next(kinds, Trouble.BROKEN_OFF))


def is_same_id(returned: object, report_id: str) -> bool:
    """Return whether two spellings of an id are the same id."""
    if returned == report_id:
        return True
    try:
        return uuid.UUID(str(returned)) == uuid.UUID(report_id)
    except ValueError:
        return str(returned) == report_id


def _returned_id(reply: Reply) -> str | None:
    """Return the id in an answer, where pyWATS looks for it; None if there is none."""
    if reply.content is Content.TEXT:
        words = reply.body.decode("utf-8", "replace").strip()
        return words if _is_uuid(words) else None
    found = reply.document
    found = found[0] if isinstance(found, list) and found else found
    if isinstance(found, dict):
        found = found.get("ID") or found.get("id") or found.get("uuid")
    return found if isinstance(found, str) and found else None


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _describe(reply: Reply) -> str:
    words = words_of(reply)
    if 200 <= reply.code < 300:
        return f"not confirmed: the server answered {words}, not the report's id"
    hint = "" if reply.content is Content.JSON and reply.code in _ABOUT_THE_DOCUMENT else HINTS.get(reply.code, "")
    return f"the server answered {reply.code}: " + (f"{words.rstrip('. ')}; {hint}" if hint else words)


def words_of(reply: Reply) -> str:
    """Return the server's own words in an answer, as they are."""
    if reply.content is Content.CUT:
        return "a response that is too long or cannot be read"
    if reply.content is Content.NOTHING:
        return "nothing"
    document = reply.document
    if isinstance(document, dict):
        named = (document.get(key) for key in ("message", "Message", "error", "detail", "title"))
        return str(next(filter(None, named), document))
    return reply.body.decode("utf-8", "replace")


def _retry_after(reply: Reply, now: datetime) -> timedelta | None:
    """The pause that was asked for, in seconds or until a moment of the server's own clock; at most a quarter of an hour."""
    asked = reply.retry_after.strip()
    if not asked:
        return None
    if asked.isascii() and asked.isdigit():
        wanted = timedelta(seconds=min(int(asked[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    elif moment := _moment(asked):
        wanted = moment - (reply.server_time or now)
    else:
        return None
    return min(max(wanted, timedelta(0)), LONGEST_RETRY_AFTER)


@lru_cache(maxsize=8)  # many answers come within a second
def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _causes(exc: BaseException | None) -> Any:
    for _ in range(20):
        if exc is None:
            return
        yield exc
        exc = exc.__cause__ or exc.__context__


def _untrusted(exc: ssl.SSLCertVerificationError, address: str) -> str:
    why = exc.verify_message or str(exc)
    if "expired" in why or "not yet valid" in why:
        what = "have it renewed, or set this computer's clock"
    elif "ostname mismatch" in why or "IP address mismatch" in why:
        what = "write the name that it is made out to in service_address"
    else:
        what = "have it issued by an authority that this computer trusts, or name its authority's file in SSL_CERT_FILE"
    return f"the certificate of {address} is not trusted ({why}); nothing is sent: {what}"
