"""Secrets stay out (invariant 10)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.errors import ConfigError
from pywats_archive.host.settings.key import load_key
from pywats_archive.host.settings.secrets import fingerprint_secrets, redact
from pywats_archive.portable.files import WINDOWS

KEY = bytes(32)


@given(secret=st.text(min_size=4).filter(lambda s: s.strip()), text=st.text())
def test_a_secret_is_neither_in_its_fingerprint_nor_in_a_text(secret: str, text: str) -> None:
    """Whatever the secret is, what is kept does not hold it (invariant 10)."""
    kept = fingerprint_secrets({"password": secret, "plain": 1}, {"password"}, KEY)
    assert kept["plain"] == 1 and kept["password"].startswith("hmac-sha256:")
    assert (
        secret not in redact(f"{text} {secret} {text}", {"password": secret}, {"password"})
        or secret in "[PASSWORD password]"
    )


def test_fingerprints_tell_secrets_apart_and_keys_too() -> None:
    """The same secret has the same fingerprint under the same key alone."""
    one, two = ({"p": "alpha"}, {"p": "beta"})
    assert fingerprint_secrets(one, None, KEY) == fingerprint_secrets(one, None, KEY)
    assert fingerprint_secrets(one, None, KEY) != fingerprint_secrets(two, None, KEY)
    assert fingerprint_secrets(one, None, KEY) != fingerprint_secrets(one, None, b"1" * 32)


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    """The key lies beside the configuration, for its owner alone."""
    assert load_key(tmp_path) == load_key(tmp_path)
    assert WINDOWS or (tmp_path / "pywats-archive.key").stat().st_mode & 0o077 == 0
    (tmp_path / "pywats-archive.key").write_text("short")
    with pytest.raises(ConfigError, match="key"):
        load_key(tmp_path)


@given(secret=st.text(min_size=4).filter(lambda s: len(" ".join(s.split())) >= 4))
def test_a_secret_is_found_in_every_form_it_is_shown_in(secret: str) -> None:
    """As Python quotes it, as JSON escapes it, and on one line, a secret is taken out (invariant 10)."""
    for shown in (f"<{KeyError(secret)}>", f"<{json.dumps(secret)}>", f"<{' '.join(secret.split())}>"):
        kept = redact(shown, {"password": secret}, {"password"})
        assert "[PASSWORD password]" in kept
        assert len(kept) <= len("<''[PASSWORD password]>")


def test_of_two_secrets_the_longer_goes_first() -> None:
    """A secret that begins like another leaves no rest behind (invariant 10)."""
    secrets = {"a": "sesame", "b": "sesame-open"}
    assert redact("got sesame-open", secrets, ["a", "b"]) == "got [PASSWORD b]"
    assert redact("{'k': ['nested one']}", {"c": {"k": ["nested one"]}}, ["c"]) == "{'k': ['[PASSWORD c]']}"


def test_a_key_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whoever comes second takes the key that is there; nothing half-made stays (invariant 5)."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path), range(32)))
    assert len(keys) == 1 and [p.name for p in tmp_path.iterdir()] == ["pywats-archive.key"]


def test_a_key_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that is cut short while it makes the key leaves none, so that the next one makes it (invariant 5)."""

    class Cut(BaseException):
        pass

    def cut(*arguments: object) -> None:
        raise Cut

    with monkeypatch.context() as dying:
        dying.setattr("pywats_archive.host.settings.key.secrets.token_hex", cut)
        with pytest.raises(Cut):
            load_key(tmp_path)
    assert len(load_key(tmp_path)) == 32
