"""Submitting over the real AsyncWATS: what each answer of a server means (HOST.md's table)."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import Iterator

import pytest

from pywats_archive.config import ServerConfig
from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from pywats_archive.demo.server import WatsServer
from pywats_archive.host.submission import Answer, Submitter, Verdict

TOKEN = "c3RhdGlvbjpzZXNhbWU="
REPORT_ID = "0d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11"
BODY = json.dumps({"id": REPORT_ID, "sn": "Ä  1", "root": {}}, ensure_ascii=False, indent=1).encode()


@pytest.fixture
def server() -> Iterator[WatsServer]:
    """A server that takes anything with an id."""
    with WatsServer(token=TOKEN) as running:
        yield running


def submit(address: str, *, token: str = TOKEN, times: int = 1, timeout_s: float = 5.0) -> list[Answer]:
    """Submit the report several times over one connection."""

    async def run() -> list[Answer]:
        submitter = Submitter(ServerConfig(service_address=address, api_token=token), timeout_s=timeout_s)
        outcomes = [await submitter.submit(BODY, REPORT_ID) for _ in range(times)]
        await submitter.close()
        return outcomes

    return asyncio.run(run())


def test_the_exact_bytes_arrive(server: WatsServer) -> None:
    """What is archived is what is sent, to the byte (invariant 4)."""
    (outcome,) = submit(server.address)
    assert outcome.verdict is Verdict.ACCEPTED
    assert server.received == {REPORT_ID: [BODY]}


@pytest.mark.parametrize(
    ("fault", "verdict", "told"),
    [
        (faults.EMPTY, Verdict.LATER, "not confirmed"),
        (faults.NO_IDS, Verdict.LATER, "not confirmed"),
        (faults.TEXT, Verdict.LATER, "not confirmed"),
        (faults.LOGIN_PAGE, Verdict.LATER, "log in"),
        (faults.wrong_id(), Verdict.LATER, "not confirmed"),
        (faults.wrong_id(REPORT_ID.upper()), Verdict.ACCEPTED, ""),
        (faults.wrong_id(f"{{{REPORT_ID}}}"), Verdict.ACCEPTED, ""),
        *((faults.answer(code, "why not"), Verdict.REFUSED, f"{code}: why not") for code in (400, 409, 413, 422, 418)),
        *((faults.answer(code), Verdict.STOP, str(code)) for code in (401, 403, 404, 405)),
        *((faults.answer(code), Verdict.LATER, str(code)) for code in (408, 425, 429, 500, 502, 503, 504)),
        (faults.DROP_BEFORE_READING, Verdict.LATER, "failed"),
        (faults.DROP_AFTER_ACCEPTING, Verdict.LATER, "failed"),
    ],
)
def test_each_answer_has_its_meaning(server: WatsServer, fault: Fault, verdict: Verdict, told: str) -> None:
    """Only the report's own id coming back is an acceptance (invariant 4)."""
    server.fault = faults.always(fault)
    (outcome,) = submit(server.address)
    assert outcome.verdict is verdict, outcome
    assert told in outcome.reason and "\n" not in outcome.reason


def test_a_slow_server_is_asked_again_later(server: WatsServer) -> None:
    """An answer that does not come in time leaves the outcome open."""
    server.fault = faults.always(faults.hang(0.8))
    (outcome,) = submit(server.address, timeout_s=0.2)
    assert outcome.verdict is Verdict.LATER and "Timeout" in outcome.reason


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
    assert {outcome.verdict for outcome in away} == {Verdict.LATER}
    assert all("Failed to connect" in outcome.reason for outcome in away)
    assert back.verdict is Verdict.ACCEPTED


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
        ("wats.example.com", TOKEN, "service_address is no http"),
        ("http://[::bad", TOKEN, "service_address is no http"),
        ("http://127.0.0.1:9", "", "api_token is empty"),
    ],
)
def test_what_only_a_person_can_mend_stops(address: str, token: str, told: str) -> None:
    """Nothing is tried for ever that cannot succeed."""
    (outcome,) = submit(address, token=token)
    assert outcome.verdict is Verdict.STOP and told in outcome.reason


def test_credentials_are_in_no_reason(server: WatsServer) -> None:
    """Neither the token nor a password in the address is told (invariant 10)."""
    server.fault = faults.always(faults.answer(400, f"bad token {TOKEN}"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://user:sesame@127.0.0.1:{free.getsockname()[1]}"
    reasons = [submit(address)[0].reason for address in (server.address, nobody)]
    assert "400" in reasons[0] and "Failed to connect" in reasons[1]
    assert not any(TOKEN in reason or "sesame" in reason for reason in reasons)
