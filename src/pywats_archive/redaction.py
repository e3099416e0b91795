"""Secrets stay out of every text that leaves: log, catalog, webhooks, errors of the command (invariant 10).

Code that reads a secret registers it here. Code that emits a text removes the known secrets from it, before it is shortened.
The search covers the spellings that libraries make of a value: quoted, escaped, as URL, as base64, on one line, or cut off.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

SHORTEST = 4
"""Shorter values are not searched for: they would be found everywhere."""
_SHORTEST_ALONE = 8
"""For a password from a token or an address: a shorter one is only searched for together with its user."""
_SHORTEST_CUT = 6
"""For the rest of a value that is cut off; a shorter rest reveals little, and would be found everywhere."""
_URL_CREDENTIALS = re.compile(r"""//[^/@\s"'<>\\]+@""")
_CUT_AFTER = re.compile(r"""["')\]}]{0,3}[ \t]*(?:$|…|\.\.\.)""", re.MULTILINE)
_CUT_BEFORE = re.compile(r"""(?:^|…|\.\.\.)[ \t]*["'(\[{]{0,3}\Z""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Redaction:
    """What to remove from texts, and what to write in its place; longer spellings first."""

    spellings: tuple[tuple[str, str], ...] = ()
    _cut: tuple[tuple[str, str, str, str], ...] = ()
    """Each spelling that may be cut, with what is written in its place, and its shortest beginning and end."""

    @classmethod
    def of(cls, secrets: Iterable[tuple[str, Any]]) -> Redaction:
        """Remove each value in all its spellings; the first of a pair is written in its place."""
        shown: dict[str, str] = {}
        for label, value in secrets:
            for spelling in _spellings(value):
                shown.setdefault(spelling, label)
        spellings = tuple(sorted(shown.items(), key=lambda each: -len(each[0])))
        cut = ((each, label, each[:_SHORTEST_CUT], each[-_SHORTEST_CUT:]) for each, label in spellings)
        return cls(spellings, tuple(each for each in cut if len(each[0]) > _SHORTEST_CUT))

    def apply(self, text: str) -> str:
        """Remove the values from a text that was not shortened before; values that others cut off are found too."""
        for spelling, label in self.spellings:
            if spelling in text:
                text = text.replace(spelling, label)
        for spelling, label, head, tail in self._cut:
            if head in text:
                text = _without_head(text, spelling, label)
            if tail in text:
                text = _without_tail(text, spelling, label)
        return text


def spellings(text: str) -> tuple[str, ...]:
    """Return the ways in which libraries write a text into another one: quoted, escaped, as URL."""
    return tuple(dict.fromkeys(_clear(text)))


def without_credentials(text: str) -> str:
    """Remove the user and password from every address in a text."""
    return _URL_CREDENTIALS.sub("//", text) if "@" in text else text


class _Known:
    """The secrets that this process has read; a value that was replaced by another one is still secret."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, str], None] = {}
        self._mutex = threading.Lock()
        self.redaction = Redaction()

    def add(self, secrets: Iterable[tuple[str, str]]) -> None:
        with self._mutex:
            new = dict.fromkeys(secrets)
            if new.keys() <= self._secrets.keys():
                return
            self._secrets |= new
            self.redaction = Redaction.of(self._secrets)


_KNOWN = _Known()


def know_token(name: str, token: str) -> None:
    """Register a token as secret, and the user and password that it may be the base64 of."""
    _KNOWN.add(_of_token(f"[{name}]", token.strip()))


def know_address(name: str, address: str, *, is_secret: bool = False) -> None:
    """Register the credentials in an address as secret; with ``is_secret``, also everything after the host."""
    _KNOWN.add(_of_address(f"[{name}]", address.strip(), is_secret=is_secret))


def redacted(text: str) -> str:
    """Return a text without the known secrets, and without the credentials of any address."""
    return without_credentials(_KNOWN.redaction.apply(text))


def redacted_json(value: Any, dump: Callable[[Any], str]) -> str:
    """Write a JSON value without the known secrets; what ``dump`` makes of it stays JSON, whatever they are."""
    text = dump(value)
    return text if redacted(text) == text else dump(_cleaned(value))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return value if value is None or isinstance(value, int | float) else redacted(repr(value))


def _of_token(label: str, token: str) -> Iterator[tuple[str, str]]:
    if len(token) < SHORTEST:
        return
    yield label, token
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return
    user, colon, password = plain.strip().partition(":")
    if colon:
        yield from _of_login(label, user, password)


def _of_login(label: str, user: str, password: str) -> Iterator[tuple[str, str]]:
    yield label, f"{user}:{password}"
    if len(password) >= _SHORTEST_ALONE:
        yield label, password


def _of_address(label: str, address: str, *, is_secret: bool) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(address)
        user, password = parts.username, parts.password
    except ValueError:
        yield label, address
        return
    if password:
        yield from _of_login(label, user or "", password)
        yield from _of_login(label, unquote(user or ""), unquote(password))
    beyond = address.partition("://")[2].partition("/")[2]
    if is_secret and len(beyond) >= _SHORTEST_ALONE:
        yield label, f"/{beyond}"
    if is_secret and parts.query:
        yield label, parts.query


def _spellings(value: Any) -> Iterator[str]:
    """The ways in which a value may stand in a text."""
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _spellings(inner)
        return
    clear = str("" if value is None else value)
    for text in dict.fromkeys((clear, clear.strip(), " ".join(clear.split()))):
        if len(text) >= SHORTEST:
            yield from (each for each in _written(text) if len(each) >= SHORTEST)


def _written(text: str) -> Iterator[str]:
    yield from _clear(text)
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) >= _SHORTEST_ALONE:
        yield from _in_base64(raw)


def _clear(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "surrogatepass")
    yield text
    yield from (repr(text)[1:-1], repr(raw)[2:-1], html.escape(text))
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the part of a value's base64 form that is the same, for each position at which the value may begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (0 if (before + len(raw)) % 3 == 0 else 1)]
        yield from dict.fromkeys((inner, inner.translate(str.maketrans("+/", "-_"))))


def _without_head(text: str, spelling: str, label: str) -> str:
    """Remove the beginning of a spelling where the text was cut within it."""
    at = text.find(spelling[:_SHORTEST_CUT])
    while at >= 0:
        end = at + _SHORTEST_CUT
        while end < len(text) and end - at < len(spelling) and text[end] == spelling[end - at]:
            end += 1
        if _CUT_AFTER.match(text, end):
            text = text[:at] + label + text[end:]
            end = at + len(label)
        at = text.find(spelling[:_SHORTEST_CUT], end)
    return text


def _without_tail(text: str, spelling: str, label: str) -> str:
    """Remove the end of a spelling where the text was cut within it."""
    tail = spelling[-_SHORTEST_CUT:]
    at = text.find(tail)
    while at >= 0:
        begin, end = at, at + _SHORTEST_CUT
        while begin > 0 and end - begin < len(spelling) and text[begin - 1] == spelling[-1 - (end - begin)]:
            begin -= 1
        if _is_cut_before(text, begin):
            text = text[:begin] + label + text[end:]
            end = begin + len(label)
        at = text.find(tail, end)
    return text


def _is_cut_before(text: str, begin: int) -> bool:
    return begin == 0 or _CUT_BEFORE.search(text[max(0, begin - 12) : begin]) is not None
