"""Submitting over the real AsyncWATS: what each answer of a server means (HOST.md's table)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.station import PATIENCE_S, wait_for
from tests.tls import untrusted_server

from pywats_archive.config.server import ServerConfig
from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault, Reply
from pywats_archive.demo.server import REPORT_PATH, WatsServer
from pywats_archive.host.server.answers import Answer, SubmitOutcome, Trouble
from pywats_archive.host.server.submission import Submitter
from pywats_archive.models.time import utc_now

TOKEN = "c3RhdGlvbjpzZXNhbWU="
REPORT_ID = "0d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11"
BODY = json.dumps({"id": REPORT_ID, "sn": "Ä  1", "root": {}}, ensure_ascii=False, indent=1).encode()


@pytest.fixture
def server() -> Iterator[WatsServer]:
    """A server that takes anything with an id."""
    with WatsServer(token=TOKEN) as running:
        yield running


def submit(
    address: str, *, token: str = TOKEN, times: int = 1, timeout_s: float = PATIENCE_S, **how: Any
) -> list[Answer]:
    """Submit the report several times over one connection."""

    async def run() -> list[Answer]:
        submitter = Submitter(ServerConfig(service_address=address, api_token=token), timeout_s=timeout_s)
        outcomes = [await submitter.submit(BODY, REPORT_ID, **how) for _ in range(times)]
        await submitter.close()
        return outcomes

    return asyncio.run(run())


def test_the_exact_bytes_arrive(server: WatsServer) -> None:
    """What is archived is what is sent, to the byte (invariant 4)."""
    (outcome,) = submit(server.address)
    assert outcome.verdict is SubmitOutcome.ACCEPTED
    assert server.received == {REPORT_ID: [BODY]}


@pytest.mark.parametrize(
    ("fault", "verdict", "told"),
    [
        (faults.EMPTY, SubmitOutcome.LATER, "not confirmed"),
        (faults.NO_IDS, SubmitOutcome.LATER, "not confirmed"),
        (faults.TEXT, SubmitOutcome.LATER, "not confirmed"),
        (faults.LOGIN_PAGE, SubmitOutcome.LATER, "log in"),
        (faults.wrong_id(), SubmitOutcome.LATER, "not confirmed"),
        (faults.wrong_id(REPORT_ID.upper()), SubmitOutcome.ACCEPTED, ""),
        (faults.wrong_id(f"{{{REPORT_ID}}}"), SubmitOutcome.ACCEPTED, ""),
        *((faults.answer(code, "why not"), SubmitOutcome.REFUSED, f"{code}: why not") for code in (400, 409, 413, 422)),
        *(
            (faults.answer(code), SubmitOutcome.STOP, str(code))
            for code in (401, 402, 403, 404, 405, 407, 414, 418, 431, 451)
        ),
        *((faults.page(code), SubmitOutcome.LATER, str(code)) for code in (400, 409, 413, 422, 500, 502)),
        *((faults.answer(code), SubmitOutcome.LATER, str(code)) for code in (408, 425, 429, 500, 502, 503, 504)),
        (faults.DROP_BEFORE_READING, SubmitOutcome.LATER, "failed"),
        (faults.DROP_AFTER_ACCEPTING, SubmitOutcome.LATER, "failed"),
    ],
)
def test_each_answer_has_its_meaning(server: WatsServer, fault: Fault, verdict: SubmitOutcome, told: str) -> None:
    """Only the report's own id coming back is an acceptance (invariant 4)."""
    server.fault = faults.always(fault)
    (outcome,) = submit(server.address)
    assert outcome.verdict is verdict, outcome
    assert told in outcome.reason and "\n" not in outcome.reason


def test_a_slow_server_is_asked_again_later(server: WatsServer) -> None:
    """An answer that does not come in time leaves the outcome open."""
    server.fault = faults.always(faults.hang(0.8))
    (outcome,) = submit(server.address, timeout_s=0.2)
    assert outcome.verdict is SubmitOutcome.LATER and "Timeout" in outcome.reason


def test_the_time_allowed_grows_with_each_try_that_was_too_short(server: WatsServer) -> None:
    """A server that needs longer than the first time allowed has its report after some tries, and not never."""
    server.fault = faults.always(faults.hang(0.6))
    assert [submit(server.address, timeout_s=0.2, timeouts=n)[0].trouble for n in (0, 8)] == [Trouble.TIMED_OUT, None]


def test_a_report_that_the_server_has_is_not_sent_again(server: WatsServer) -> None:
    """Where an earlier try had no answer, the server is asked for the report by its id first."""
    server.fault = faults.in_turn([faults.hang(600)])
    assert submit(server.address, timeout_s=1)[0].trouble is Trouble.TIMED_OUT
    wait_for(lambda: server.received)
    assert submit(server.address, check_first=True)[0].verdict is SubmitOutcome.ACCEPTED
    assert (server.requests, server.lookups) == (1, 1)


@pytest.mark.parametrize("there", [None, b'{"id": "%s", "sn": "another unit"}' % REPORT_ID.encode()])
def test_what_the_server_has_under_the_id_must_be_the_report(server: WatsServer, there: bytes | None) -> None:
    """Nothing, or another unit's report under the same id, is no reason to send this one no more (invariant 4)."""
    if there:
        _post(server, there)
    before = server.requests
    assert submit(server.address, check_first=True)[0].verdict is SubmitOutcome.ACCEPTED
    assert (server.requests - before, server.lookups) == (1, 1)
    assert server.received[REPORT_ID][-1] == BODY


def _post(server: WatsServer, body: bytes) -> None:
    headers = {"Authorization": f"Basic {TOKEN}"}
    httpx.post(server.address + REPORT_PATH, content=body, headers=headers, timeout=PATIENCE_S)


@pytest.mark.long
def test_an_answer_is_never_held_whole_in_memory(server: WatsServer) -> None:
    """Some kilobytes that are gigabytes once they are decompressed end after a megabyte (invariant 9)."""
    server.fault = faults.always(faults.bomb(300_000_000))
    tracemalloc.start()
    try:
        (outcome,) = submit(server.address)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert outcome.verdict is SubmitOutcome.LATER and "not confirmed" in outcome.reason


def test_an_answer_that_comes_to_no_end_is_ended(server: WatsServer) -> None:
    """The time allowed is for all of it: a byte now and then does not make it longer."""
    server.fault = faults.always(faults.trickle(0.05))
    began_s = time.monotonic()
    (outcome,) = submit(server.address, timeout_s=0.5)
    assert outcome.trouble is Trouble.TIMED_OUT
    assert time.monotonic() - began_s < 60


def test_a_compressed_acceptance_is_understood(server: WatsServer) -> None:
    """A gateway that compresses what nobody asked it to changes nothing."""
    body = gzip.compress(json.dumps([{"ID": REPORT_ID}]).encode())
    server.fault = faults.always(Fault(reply=Reply(status=200, body=body, headers=(("Content-Encoding", "gzip"),))))
    assert submit(server.address)[0].verdict is SubmitOutcome.ACCEPTED


def test_a_pause_that_is_asked_for_is_told(server: WatsServer) -> None:
    """Retry-After and the server's clock come with the answer."""
    server.fault = faults.always(faults.busy(503, retry_after="7"))
    (outcome,) = submit(server.address)
    assert (outcome.trouble, outcome.retry_after) == (Trouble.BUSY, timedelta(seconds=7))
    assert outcome.server_time is not None and abs(outcome.server_time - utc_now()) < timedelta(minutes=1)


def test_a_certificate_that_is_not_trusted_has_words_of_its_own(tmp_path: Path) -> None:
    """Nothing is sent to a server that cannot prove who it is; the reason names certificate and remedy."""
    with untrusted_server(tmp_path) as address:
        (outcome,) = submit(address)
    assert (outcome.verdict, outcome.trouble) == (SubmitOutcome.STOP, Trouble.UNUSABLE)
    assert "certificate" in outcome.reason and "SSL_CERT_FILE" in outcome.reason


def test_a_file_of_authorities_that_is_missing_stops(server: WatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the connection needs on this computer is a person's to mend, whatever the host raises for it."""
    monkeypatch.setenv("SSL_CERT_FILE", "/there/is/no/such.pem")
    (outcome,) = submit(server.address)
    assert outcome.verdict is SubmitOutcome.STOP and "such.pem" in outcome.reason


def test_a_server_that_comes_back_is_believed_at_once(server: WatsServer) -> None:
    """However often it refused the connection, the first try after that goes through (no circuit stays open)."""

    async def run() -> list[Answer]:
        submitter = Submitter(ServerConfig(service_address=server.address, api_token=TOKEN))
        server.stop()
        away = [await submitter.submit(BODY, REPORT_ID) for _ in range(12)]
        server.start()
        back = await submitter.submit(BODY, REPORT_ID)
        await submitter.close()
        return [*away, back]

    *away, back = asyncio.run(run())
    assert {outcome.verdict for outcome in away} == {SubmitOutcome.LATER}
    assert all("Failed to connect" in outcome.reason for outcome in away)
    assert back.verdict is SubmitOutcome.ACCEPTED


def test_one_dropped_report_does_not_disturb_the_others(server: WatsServer) -> None:
    """Reports that are on their way over the same connection arrive, each once."""

    def plan(number: int) -> Fault | None:
        return faults.DROP_BEFORE_READING if number == 1 else faults.hang(0.3)

    async def run() -> list[Answer]:
        submitter = Submitter(ServerConfig(service_address=server.address, api_token=TOKEN))
        ids = [str(uuid.uuid4()) for _ in range(4)]
        outcomes = await asyncio.gather(*(submitter.submit(json.dumps({"id": i}).encode(), i) for i in ids))
        await submitter.close()
        return outcomes

    server.fault = plan
    verdicts = [outcome.verdict for outcome in asyncio.run(run())]
    assert sorted(verdict.value for verdict in verdicts) == ["accepted"] * 3 + ["later"]


@pytest.mark.parametrize(
    ("address", "token", "told"),
    [
        ("", TOKEN, "service_address is empty"),
        ("wats.example.com", TOKEN, "service_address is not an http"),
        ("http://[::bad", TOKEN, "service_address is not an http"),
        ("http://127.0.0.1:9", "", "api_token is empty"),
    ],
)
def test_what_only_a_person_can_mend_stops(address: str, token: str, told: str) -> None:
    """Nothing is tried for ever that cannot succeed."""
    (outcome,) = submit(address, token=token)
    assert outcome.verdict is SubmitOutcome.STOP and told in outcome.reason


def test_credentials_are_in_no_reason(server: WatsServer) -> None:
    """Neither the token nor a password in the address is told (invariant 10)."""
    server.fault = faults.always(faults.answer(400, f"bad token {TOKEN}"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://user:sesame@127.0.0.1:{free.getsockname()[1]}"
    reasons = [submit(address)[0].reason for address in (server.address, nobody)]
    assert "400" in reasons[0] and "Failed to connect" in reasons[1]
    assert not any(TOKEN in reason or "sesame" in reason for reason in reasons)
