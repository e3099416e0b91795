"""The log for modules that seldom log: structlog, slow to import, is imported with their first event."""

from __future__ import annotations

import sys


def warn(event: str, **fields: object) -> None:
    """Log a warning; to standard error if nobody has configured the log."""
    import structlog  # noqa: PLC0415

    is_configured = structlog.is_configured()
    log = structlog.get_logger() if is_configured else structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    log.warning(event, **fields)
