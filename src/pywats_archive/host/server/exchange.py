"""The current request, and its answer as the host's HTTP client received it."""

from __future__ import annotations

from contextvars import ContextVar

from pywats_archive.host.server.answers import Reply


class AnswerTooLarge(Exception):
    """The answer is too long, or cannot be decompressed."""


class Exchange:
    """The answer to the current request in this context; ``reply`` is the last one, after redirects."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        CURRENT.set(self)


CURRENT: ContextVar[Exchange] = ContextVar("exchange")
