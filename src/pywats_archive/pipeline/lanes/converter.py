"""Whether a converter's code can be loaded now, and what it says of itself: a circuit breaker for one lane."""

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
"""The shortest pause, in multiples of the last attempt: one that hangs must not keep others from the processes."""


class ConverterBreaker:
    """While ``error`` is set, the lane's sources wait; ``trip`` and ``reset`` may be called from any thread."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self.description: ConverterDescription | None = None
        """None until the converter's code was loaded."""
        self.error: ConverterUnavailable | WorkersUnavailable | None = None
        """Why its code cannot be loaded now."""
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
        """Open the breaker because there is no process that could load the code."""
        self.retry_at_s = time.monotonic() + RETRY_EVERY_S
        self.error = error

    def reset(self, description: ConverterDescription) -> None:
        """Close the breaker: the code was loaded."""
        self.description = description
        self.is_back = self.error is not None
        self.error = None

    def redacted(self, words: object) -> str:
        """Return what the converter said without its secret arguments; of all of them where none is known to be plain."""
        passwords = self.description.info.password_arguments if self.description else None
        return redact(str(words), self._arguments, passwords)
