"""What a service says about itself, as its heartbeat file has it; files of earlier versions have less."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.models.operation.service import ServerContact, ServiceFacts
from pywats_archive.portable.files import read_small

STOPPED_AT = "stopped_at"
_MOST_BYTES = 1_000_000


def written(facts: ServiceFacts) -> dict[str, Any]:
    """Return facts as JSON values; those that are unknown are left out."""
    found: dict[str, Any] = {
        "version": facts.version,
        "account": facts.account,
        "log": str(facts.log) if facts.log else None,
        "server": _server_written(facts.server) if facts.server else None,
        "patterns": facts.patterns,
    }
    return {name: value for name, value in found.items() if value}


def read(note: Path) -> tuple[ServiceFacts, datetime | None]:
    """Return the facts in a heartbeat file, and when its service stopped in order, as far as they can be read."""
    try:
        found = json.loads(read_small(note, most_bytes=_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return ServiceFacts(), None
    if not isinstance(found, dict):
        return ServiceFacts(), None
    log, patterns = _text(found.get("log")), found.get("patterns")
    facts = ServiceFacts(
        version=_text(found.get("version")),
        account=_text(found.get("account")),
        log=Path(log) if log else None,
        server=_server(found.get("server")),
        patterns={str(name): tuple(map(str, each)) for name, each in patterns.items() if isinstance(each, list)}
        if isinstance(patterns, dict)
        else {},
    )
    return facts, _moment(found.get(STOPPED_AT))


def _server_written(server: ServerContact) -> dict[str, Any]:
    since = server.since.isoformat(timespec="seconds") if server.since else None
    return dataclasses.asdict(server) | {"since": since}


def _server(found: Any) -> ServerContact | None:
    if not isinstance(found, dict):
        return None
    return ServerContact(
        address=_text(found.get("address")) or "",
        has_answered=found.get("has_answered") is True,
        trouble=_text(found.get("trouble")),
        since=_moment(found.get("since")),
    )


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) and found else None


def _moment(found: Any) -> datetime | None:
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(found)
        return moment if moment.tzinfo else None
    return None
