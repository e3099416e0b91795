"""The log for modules that seldom log: structlog, slow to import, is imported with their first event."""

from __future__ import annotations

import sys


def warn(event: str, **fields: object) -> None:
    """Log a warning; to standard error if nobody has configured the log."""
    import structlog  # noqa: PLC0415

    if not structlog.is_configured():
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    structlog.get_logger().warning(event, **fields)
