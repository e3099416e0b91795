"""The announcement of a worker process before its answer: the code that it is about to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import ConverterInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """The loaded code, exactly as it runs; its file may have changed when the call ends."""

    converter: ConverterInfo
    code: ConverterCode | None


Announce = Callable[[Announcement], None]


class Announcing:
    """Sends announcements, once ``to`` was called; so none outside a worker process."""

    def __init__(self) -> None:
        self._announce: Announce = lambda announcement: None

    def to(self, announce: Announce) -> None:
        """Send announcements with this function from now on."""
        self._announce = announce

    def __call__(self, announcement: Announcement) -> None:
        self._announce(announcement)


ANNOUNCE = Announcing()
"""Of this process."""
