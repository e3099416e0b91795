"""The page of the audit trail as its address says it: to and from the query string."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar
from urllib.parse import urlencode

from pywats_archive.models.event import AuditCategory, EventFilter
from pywats_archive.models.time import end_of, start_of
from pywats_archive.web.views.address import PageView, choice, days
from pywats_archive.web.views.audit.phrases import CATEGORIES

_LABELS = {"q": "search", "category": "what", "kind": "kind of event"}
"""The name of a field in the form; the others have their own names."""
_WORDS = {category.value: label.lower() for category, label in CATEGORIES.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditView(PageView):
    """The fields of the page."""

    POSITION: ClassVar[str] = "before"

    q: str = ""
    who: str = ""
    category: str = ""
    kind: str = ""
    entry: str = ""
    """An id or a part of one, a serial number, a path or a file name."""
    from_: str = ""
    to: str = ""
    before: str = ""

    def wanted(self, archive_id: str | None) -> EventFilter:
        """Return the filter, with the id of the entry; UsageError names the field that cannot be used."""
        first, last = days(self.from_, self.to)
        category = choice(self.category, AuditCategory, "category")
        return EventFilter(
            kinds=(self.kind.lower(),) if self.kind else (),
            categories=(category,) if category else (),
            archive_id=archive_id,
            actor=self.who or None,
            text=self.q or None,
            since=start_of(first) if first else None,
            until=end_of(last) if last else None,
        )

    @property
    def chips(self) -> tuple[tuple[str, str, str], ...]:
        """Label, value and the address without it, for each condition that is set."""
        names = (field.name for field in fields(self) if field.name != self.POSITION)
        return tuple(
            (_LABELS.get(name, name.rstrip("_")), self._shown(name), self.query(**{name: ""}))
            for name in names
            if getattr(self, name)
        )

    def _shown(self, name: str) -> str:
        value = str(getattr(self, name))
        return _WORDS.get(value, value) if name == "category" else value


def api_query(wanted: EventFilter) -> str:
    """Return the query string with which the API returns the same events."""
    texts = {"archive_id": wanted.archive_id, "actor": wanted.actor, "text": wanted.text}
    moments = {"since": wanted.since, "until": wanted.until}
    pairs = [*(("kinds", kind) for kind in wanted.kinds), *(("categories", each.value) for each in wanted.categories)]
    pairs += [(name, text) for name, text in texts.items() if text is not None]
    pairs += [(name, moment.isoformat()) for name, moment in moments.items() if moment is not None]
    return urlencode(pairs, errors="replace")
