"""A circuit breaker for one lane: whether its converter's code can be loaded, and the converter's description."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pywats_archive.errors import ConverterUnavailable, WorkersUnavailable
from pywats_archive.host.job import ConverterDescription
from pywats_archive.host.settings.secrets import redact

RETRY_EVERY_S = 10.0
"""Between two attempts to load a converter's code."""
_REST = 10
"""The shortest pause, in multiples of the last attempt: a converter that hangs must not block the processes."""


class ConverterBreaker:
    """The breaker: while ``error`` is set, the lane's sources wait. ``trip`` and ``reset`` may be called from any thread."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self.description: ConverterDescription | None = None
        """None until the converter's code is loaded."""
        self.error: ConverterUnavailable | WorkersUnavailable | None = None
        """Why the code cannot be loaded now."""
        self.is_back = False
        """Whether the code could be loaded again, and the service has not resumed the lane yet."""
        self.retry_at_s = 0.0
        """When the next attempt to load the code is due, by a monotonic clock."""

    def trip(self, reason: str, *, took_s: float = 0.0) -> ConverterUnavailable:
        """Open the breaker because the code cannot be loaded; returns the error."""
        self.retry_at_s = time.monotonic() + max(RETRY_EVERY_S, _REST * took_s)
        error = self.error = ConverterUnavailable(redact(reason, self._arguments, None))
        return error

    def wait_for_workers(self, error: WorkersUnavailable) -> None:
        """Open the breaker because there is no process to load the code."""
        self.retry_at_s = time.monotonic() + RETRY_EVERY_S
        self.error = error

    def reset(self, description: ConverterDescription) -> None:
        """Close the breaker: the code was loaded."""
        self.description = description
        self.is_back = self.error is not None
        self.error = None

    def redacted(self, words: object) -> str:
        """Return a converter's text without its secret arguments; until these are known, without any argument."""
        passwords = self.description.info.password_arguments if self.description else None
        return redact(str(words), self._arguments, passwords)
