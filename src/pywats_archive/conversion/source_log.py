"""Log events about one source: each has the source's converter, path and archive id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import structlog

log = structlog.get_logger()


class Source(Protocol):
    """What names a source: a row of the ledger, or an origin."""

    @property
    def converter_name(self) -> str | None:
        """The name of its converter."""

    @property
    def path(self) -> str | None:
        """Its path in the watch folder."""

    @property
    def archive_id(self) -> str | None:
        """The id of its entry; None while it is not archived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The source of a report; a part is None if it is unknown."""

    converter_name: str | None = None
    path: str | None = None
    archive_id: str | None = None


def log_of(source: Source) -> Any:
    """Return a logger whose events have ``converter``, ``path`` and ``archive_id`` of a source."""
    return log.bind(converter=source.converter_name, path=source.path, archive_id=source.archive_id)
