"""Whether an archive is compliant: its history and archive.json both say it, and one of them is enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import CatalogError, ComplianceRefused, StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.retention.compliance import Rule
from pywats_archive.portable.event_log import warn

BEGUN, RESTORED, REFUSED = "compliance.begun", "compliance.restored", "compliance.refused"


class Recorded(Protocol):
    """What has the history: an archive."""

    @property
    def root(self) -> Path:
        """The folder of the archive."""

    def now(self) -> datetime:
        """Return the time."""

    def read(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees everything that is committed."""

    def write(self, unit: Callable[[Connection], Any]) -> Any:
        """Run ``unit`` in a transaction and wait for its commit."""


class Compliance:
    """The setting ``compliance`` of an archive. It cannot be taken back: there is no method for that.

    ``mark`` writes it into archive.json, so that versions without these rules refuse the archive.
    """

    def __init__(self, archive: Recorded, *, is_marked: bool, mark: Callable[[], None]) -> None:
        self._archive = archive
        self._is_marked = is_marked
        self._mark = mark
        self._is_begun = False

    @property
    def is_on(self) -> bool:
        """Whether the archive is compliant; costs one lookup unless it is known to be."""
        return self._is_marked or self._has_begun()

    def begin(self, *, actor: str) -> None:
        """Make the archive compliant, for good: an event first, then archive.json; idempotent."""
        if not self._has_begun():
            self._append(BEGUN, actor, {})
        self._write_mark()

    def restore(self) -> None:
        """Let history and archive.json both say that the archive is compliant, if one of them does; owner only."""
        if self._is_marked and not self._has_begun():
            self._append(BEGUN, "service", {"found_in": "archive.json"})
        elif self._has_begun() and not self._is_marked:
            self._append(RESTORED, "service", {"missing_in": "archive.json"})
            warn("compliance.restored", archive=str(self._archive.root), reason="archive.json did not name it")
            self._write_mark()

    def refuse(self, rule: Rule, advice: str, *, actor: str, **details: Any) -> NoReturn:
        """Record an act that a rule forbids, and raise ComplianceRefused."""
        with suppress(CatalogError):
            self.record_refusal(rule, actor=actor, details=details)
        raise ComplianceRefused(f"{self._archive.root}: is a compliant archive: {rule.sentence}; {advice}")

    def record_refusal(self, rule: Rule, *, actor: str, details: Mapping[str, Any]) -> None:
        """Record an act that a rule forbids."""
        self._append(REFUSED, actor, {"rule": rule.value, **details})

    def _has_begun(self) -> bool:
        if not self._is_begun:
            with self._archive.read() as db:
                self._is_begun = bool(events.without_archive_id(db, BEGUN))
        return self._is_begun

    def _write_mark(self) -> None:
        """Mark archive.json; if that fails now, the next start of the service tries again."""
        if self._is_marked:
            return
        try:
            self._mark()
        except StorageError as exc:
            warn("compliance.not_marked", archive=str(self._archive.root), reason=str(exc))
            return
        self._is_marked = True

    def _append(self, kind: str, actor: str, details: dict[str, Any]) -> None:
        event = Event(kind=kind, at=self._archive.now(), actor=actor, details=details)
        self._archive.write(lambda tx: events.append(tx, event))
