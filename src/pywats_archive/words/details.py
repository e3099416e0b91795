"""The details of an event as people read them."""

from __future__ import annotations

from typing import Any

from pywats_archive.models.event import Event


def shown(event: Event) -> dict[str, Any]:
    """Return the details of an event; of an erasure, how many events it names in place of their digests."""
    named = event.details.get("events")
    return {**event.details, "events": len(named)} if isinstance(named, dict) else event.details
