"""Secrets in texts, in all spellings that libraries make of them (invariant 10)."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive import redaction
from pywats_archive.redaction import know_address, know_token, redacted, redacted_json

LOGIN = "station 7:Päss/word+1&2=sesame"
TOKEN = base64.b64encode(LOGIN.encode()).decode()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start with a process that has met no secret."""
    monkeypatch.setattr(redaction, "_KNOWN", redaction._Known())


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with a newline": lambda value: f"{value}\n",
    "repr": repr,
    "bytes": lambda value: repr(value.encode()),
    "a header": lambda value: f"Illegal header value {f'Basic {value}'.encode()!r}",
    "JSON": json.dumps,
    "JSON in JSON": lambda value: json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False),
    "HTML": html.escape,
    "URL": lambda value: f"https://h/?t={quote(value, safe='')}",
    "URL in small letters": lambda value: re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
    "form": quote_plus,
    "base64 of a part": lambda value: base64.b64encode(f"xy{value}z".encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(f"q{value}".encode()).decode(),
}


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("value", [TOKEN, LOGIN, LOGIN.partition(":")[2]], ids=["token", "login", "password"])
def test_no_spelling_of_a_token_is_left(spelt: Callable[[str], str], value: str) -> None:
    """The token, the login that it is the base64 of, and the password alone are taken out, however they are written."""
    know_token("api_token", f" {TOKEN}\n")
    text = f"it said {spelt(value)} and no more"
    told = redacted(text)
    assert "[api_token]" in told and told.startswith("it said ") and told.endswith(" and no more")
    kept = told.replace("[api_token]", "")
    assert all(value[n : n + 8] not in kept for n in range(len(value) - 7)), told


@pytest.mark.parametrize("value", [TOKEN, LOGIN])
@pytest.mark.parametrize("end", ["", "…", "...", "'", '")', "…' (cut)"])
def test_what_is_left_of_a_value_that_was_cut_is_taken_out(value: str, end: str) -> None:
    """A text that somebody cut within the value shows five characters of it at most, at either end."""
    know_token("api_token", TOKEN)
    for length in range(len(value)):
        told = redacted(f"Basic {value[:length]}{end}")
        assert not any(value[n : n + 6] in told for n in range(len(value) - 5)), told
        behind = redacted(f"{end or '...'}{value[len(value) - length :]} was denied")
        assert length < 6 or value[-6:] not in behind or end in ("'", '")', "…' (cut)"), behind


def test_other_words_stay() -> None:
    """What only begins like a secret, or is shorter than a password may be, stays as it is."""
    know_token("api_token", base64.b64encode(b"test:test").decode())
    know_token("other", TOKEN)
    text = "/tmp/test/test_1: the station 7 had Päss, dGVzd it is a test of test:tset"
    assert redacted(text) == text
    assert redacted("user test:test") == "user [api_token]"


def test_credentials_in_addresses() -> None:
    """No address shows who logs in where, known or not; of a secret one nothing after the host is shown."""
    know_address("service_address", "https://me:p%40ss-word-1@wats.example/x")
    know_address("webhook", "https://hooks.example/services/T00/B00/abcdefgh?key=0123456789", is_secret=True)
    assert redacted("to http://a:b@proxy:3128/ via //me:p%40ss-word-1@wats") == "to http://proxy:3128/ via //wats"
    assert "p@ss-word-1" not in redacted("login p@ss-word-1 denied")
    assert redacted("404 for url 'https://hooks.example/services/T00/B00/abcdefgh?key=0123456789'").endswith(
        "https://hooks.example[webhook]'"
    )
    assert redacted('{"path": "//a", "to": "x@y"}') == '{"path": "//a", "to": "x@y"}'


@given(value=st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4), around=st.text(max_size=9))
def test_json_stays_json(value: str, around: str) -> None:
    """A line of the log, and an event, is still one JSON document once a value was taken out, whatever that is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_KNOWN", redaction._Known())
        redaction._KNOWN.add([("[it]", value)])
        text = redacted_json({"reason": f"{around}<{value}>{around}", "more": [1, {"it": value}]}, json.dumps)
    told = json.loads(text)
    assert set(told) == {"reason", "more"} and told["more"][1]["it"] == "[it]"
    assert value not in told["reason"] or value in "<[it]>"


def test_a_value_that_is_no_json_is_told_without_secrets() -> None:
    """What is named by its ``repr`` in the log may hold a secret too."""
    know_token("api_token", TOKEN)
    text = redacted_json({"given": [Exception(TOKEN)]}, partial(json.dumps, default=repr))
    assert json.loads(text) == {"given": ["Exception('[api_token]')"]}
