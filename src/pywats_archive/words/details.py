"""The details of an event as people read them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pywats_archive.models.event import Event
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.retention.compliance import Act, Rule
from pywats_archive.words.approvals import described

_DEFAULTS = ReplayRequest().as_details()


def shown(event: Event) -> dict[str, Any]:
    """Return the details of an event with rules and subjects in words, and without digests and options at their defaults."""
    found = dict(event.details)
    if isinstance(found.get("events"), dict):  # of an erasure: the digests of its events
        found["events"] = len(found["events"])
    if isinstance(found.get("request"), dict):  # of a replay
        found["request"] = {name: value for name, value in found["request"].items() if value != _DEFAULTS.get(name)}
    with suppress(ValueError, KeyError):  # a rule or an act of a later version
        if event.kind == "approval.requested":
            found["subject"] = described(Act(found["act"]), found["subject"])
        elif event.kind == "compliance.refused":
            found["rule"] = Rule(found["rule"]).sentence
    return found
