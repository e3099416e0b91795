"""The details of an event as people read them."""

from __future__ import annotations

from typing import Any

from pywats_archive.models.event import Event
from pywats_archive.models.retention.compliance import Act
from pywats_archive.words.approvals import described


def shown(event: Event) -> dict[str, Any]:
    """Return the details of an event: of an erasure the number of events, of a request for an approval its subject in words."""
    if event.kind == "approval.requested" and event.details.get("act") in Act._value2member_map_:
        return {**event.details, "subject": described(Act(event.details["act"]), event.details.get("subject"))}
    named = event.details.get("events")
    return {**event.details, "events": len(named)} if isinstance(named, dict) else event.details
