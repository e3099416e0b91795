"""The request that is under way, and the answer to it as the host's HTTP client received it."""

from __future__ import annotations

from contextvars import ContextVar

from pywats_archive.host.server.answers import Reply


class AnswerTooLarge(Exception):
    """The answer is longer than an answer may be, or cannot be decompressed."""


class Exchange:
    """The answer to the request that is under way in this context; ``reply`` is the last one, after redirects."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        CURRENT.set(self)


CURRENT: ContextVar[Exchange] = ContextVar("exchange")
