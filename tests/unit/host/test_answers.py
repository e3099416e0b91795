"""What each answer says of a report: a table of status and body."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import httpx
import pytest

from pywats_archive.host.server.answers import Content, Reply, SubmitOutcome, Trouble, judge, judge_silence, verdict_of
from pywats_archive.models.time import UTC

REPORT_ID = "0d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11"
NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)
DATE = "Fri, 13 Feb 2026 12:00:00 GMT"
BODIES = {
    Content.JSON: b'{"Message": "why"}',
    Content.HTML: b"<html><title>Sign in</title></html>",
    Content.TEXT: b"Bad Request",
    Content.NOTHING: b"",
}


def _reply(code: int, content: Content = Content.JSON, **more: str) -> Reply:
    return Reply(code=code, body=BODIES.get(content, b""), is_whole=content is not Content.CUT, **more)


@pytest.mark.parametrize("content", list(Content))
def test_a_body_is_what_it_is(content: Content) -> None:
    """The kind of a body is told by its bytes."""
    assert _reply(200, content).content is content


def test_a_body_is_told_by_its_bytes() -> None:
    """A header may be wrong, and a bare number is no message of a server's."""
    html, json_type = "text/html; charset=utf-8", "application/json"
    assert Reply(code=400, body=b'{"Message": "why"}', content_type=html).content is Content.JSON
    assert Reply(code=400, body=b'"why"', content_type=json_type).content is Content.JSON
    assert Reply(code=400, body=b"<html>", content_type=json_type).content is Content.HTML
    assert Reply(code=400, body=b"Sign in", content_type=html).content is Content.HTML
    assert Reply(code=400, body=b"1020", content_type=json_type).content is Content.TEXT


@pytest.mark.parametrize("content", list(Content))
def test_only_json_about_the_document_refuses_it(content: Content) -> None:
    """Whatever stands before the server may answer: no report is given up for that (invariant 4)."""
    verdicts = {code: verdict_of(code, content)[0] for code in (*range(200, 600), 700)}
    refused = {code for code, verdict in verdicts.items() if verdict is SubmitOutcome.REFUSED}
    assert refused == ({400, 409, 413, 422} if content is Content.JSON else set())
    assert SubmitOutcome.ACCEPTED not in verdicts.values()


@pytest.mark.parametrize(
    ("codes", "content", "verdict", "trouble"),
    [
        ((401, 403, 407, 511), Content.JSON, SubmitOutcome.STOP, Trouble.UNAUTHORISED),
        ((401, 403, 407, 511), Content.HTML, SubmitOutcome.STOP, Trouble.UNAUTHORISED),
        ((402, 404, 405, 410, 414, 415, 431, 451, 304), Content.JSON, SubmitOutcome.STOP, Trouble.UNUSABLE),
        ((429, 502, 503, 507, 521), Content.JSON, SubmitOutcome.LATER, Trouble.BUSY),
        ((504, 524), Content.HTML, SubmitOutcome.LATER, Trouble.TIMED_OUT),
        ((400, 409, 422), Content.HTML, SubmitOutcome.LATER, Trouble.NOT_THE_SERVER),
        ((400, 409, 422), Content.NOTHING, SubmitOutcome.LATER, Trouble.NOT_THE_SERVER),
        ((400, 409, 422), Content.TEXT, SubmitOutcome.LATER, Trouble.NOT_THE_SERVER),
        ((413,), Content.HTML, SubmitOutcome.LATER, None),
        ((408, 425, 500, 501, 599), Content.JSON, SubmitOutcome.LATER, None),
        ((200, 201, 204), Content.NOTHING, SubmitOutcome.LATER, None),
        ((200,), Content.HTML, SubmitOutcome.LATER, Trouble.NOT_THE_SERVER),
        ((200,), Content.CUT, SubmitOutcome.LATER, Trouble.NOT_THE_SERVER),
    ],
)
def test_each_kind_of_answer(
    codes: tuple[int, ...], content: Content, verdict: SubmitOutcome, trouble: Trouble
) -> None:
    """What is not about the report says what it is about."""
    assert {verdict_of(code, content) for code in codes} == {(verdict, trouble)}


@pytest.mark.parametrize(
    ("body", "verdict", "trouble"),
    [
        (json.dumps([{"ID": REPORT_ID}]), SubmitOutcome.ACCEPTED, None),
        (json.dumps({"id": REPORT_ID.upper()}), SubmitOutcome.ACCEPTED, None),
        (json.dumps(REPORT_ID), SubmitOutcome.ACCEPTED, None),
        (REPORT_ID, SubmitOutcome.ACCEPTED, None),
        (json.dumps([{"ID": "1d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11"}]), SubmitOutcome.LATER, Trouble.ANOTHER_ID),
        ("1d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11", SubmitOutcome.LATER, Trouble.ANOTHER_ID),
        (json.dumps([{"ID": 5}]), SubmitOutcome.LATER, None),
        (json.dumps([[[REPORT_ID]]]), SubmitOutcome.LATER, None),
        ("Thank you.", SubmitOutcome.LATER, None),
        ("[" * 100_000, SubmitOutcome.LATER, None),
    ],
)
def test_only_the_reports_own_id_is_an_acceptance(body: str, verdict: SubmitOutcome, trouble: Trouble | None) -> None:
    """A 200 without the id is none (invariant 4)."""
    answer = judge(Reply(code=200, body=body.encode()), REPORT_ID, now=NOW)
    assert (answer.verdict, answer.trouble) == (verdict, trouble)


def test_the_servers_sentence_and_what_to_do_are_one_line() -> None:
    """The server's own full stop does not stand before the semicolon; without a hint its words stay as they are."""
    denied, refused = b'{"Message": "Authorization has been denied."}', b'{"Message": "No such process."}'
    assert judge(Reply(code=401, body=denied), REPORT_ID, now=NOW).reason == (
        "the server answered 401: Authorization has been denied; correct api_token, or have the account enabled"
    )
    assert (
        judge(Reply(code=400, body=refused), REPORT_ID, now=NOW).reason == "the server answered 400: No such process."
    )


@pytest.mark.parametrize(
    ("retry_after", "date", "pause_s"),
    [
        ("30", "", 30),
        (" 0 ", "", 0),
        ("86400", "", 900),
        ("9" * 5000, "", 900),
        ("Fri, 13 Feb 2026 12:00:40 GMT", DATE, 40),
        ("Fri, 13 Feb 2026 14:30:40 GMT", "", 40),
        ("Fri, 13 Feb 2026 11:00:00 GMT", DATE, 0),
        ("Fri, 13 Feb 2099 12:00:00 GMT", DATE, 900),
    ],
)
def test_retry_after_is_honoured_within_bounds(retry_after: str, date: str, pause_s: int) -> None:
    """Seconds, or a moment of the server's own clock; a quarter of an hour at most."""
    answer = judge(_reply(429, retry_after=retry_after, date=date), REPORT_ID, now=NOW)
    assert answer.retry_after == timedelta(seconds=pause_s)


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "1.5", "\u0663", "Fri, 99 Feb 2026 12:00:00 GMT"])
def test_a_retry_after_that_says_nothing_is_none(retry_after: str) -> None:
    """Then the pause is our own."""
    assert judge(_reply(429, retry_after=retry_after), REPORT_ID, now=NOW).retry_after is None


def test_the_servers_clock_comes_with_each_answer() -> None:
    """Its Date header is a moment; a wrong one is none."""
    for code in (200, 401, 503):
        assert judge(_reply(code, date=DATE), REPORT_ID, now=NOW).server_time == datetime(2026, 2, 13, 12, tzinfo=UTC)
        assert judge(_reply(code, date="yesterday"), REPORT_ID, now=NOW).server_time is None


@pytest.mark.parametrize(
    ("cause", "verdict", "trouble"),
    [
        (httpx.ConnectError("refused"), SubmitOutcome.LATER, Trouble.UNREACHABLE),
        (httpx.ConnectTimeout("no answer"), SubmitOutcome.LATER, Trouble.UNREACHABLE),
        (httpx.ReadTimeout("no answer"), SubmitOutcome.LATER, Trouble.TIMED_OUT),
        (httpx.RemoteProtocolError("dropped"), SubmitOutcome.LATER, Trouble.BROKEN_OFF),
        (httpx.ProxyError("407 Proxy Authentication Required"), SubmitOutcome.STOP, Trouble.UNAUTHORISED),
        (httpx.ProxyError("502 Bad Gateway"), SubmitOutcome.LATER, Trouble.UNREACHABLE),
    ],
)
def test_silence_has_its_meaning(cause: Exception, verdict: SubmitOutcome, trouble: Trouble) -> None:
    """The host wraps what happened; the cause says whether the report can have arrived."""
    wrapped = RuntimeError("HTTP request failed")
    wrapped.__context__ = cause
    answer = judge_silence(wrapped, address="https://wats")
    assert (answer.verdict, answer.trouble) == (verdict, trouble)
