"""The root of the error tree."""

from __future__ import annotations

from typing import ClassVar


class ArchiveError(Exception):
    """Something went wrong in the archive."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())
