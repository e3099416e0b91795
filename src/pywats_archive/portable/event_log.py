"""The log for modules that seldom log: structlog, slow to import, is imported with their first event."""

from __future__ import annotations

import sys
from typing import Any


def warn(event: str, **fields: object) -> None:
    """Log a warning; to standard error if nobody has configured the log."""
    _log().warning(event, **fields)


def note(event: str, **fields: object) -> None:
    """Log what is no trouble; to standard error if nobody has configured the log."""
    _log().info(event, **fields)


def _log() -> Any:
    import structlog  # noqa: PLC0415

    is_configured = structlog.is_configured()
    return structlog.get_logger() if is_configured else structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
