"""The log for people: one line per event, with the station's local time. Lines about sources have columns."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import PurePath
from typing import Any, TextIO

from pywats_archive.cli.log_texts import TEXTS
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now
from pywats_archive.portable.files import WINDOWS
from pywats_archive.redaction import redacted
from pywats_archive.words.alerts import sentence
from pywats_archive.words.text import printable

_STANDARD = frozenset({"event", "level", "timestamp", "traceback", "error_type", "error_message", "alert", "subject"})
_COLORS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_PLACES = {
    "removed": "the file is removed",
    "gone": "the file was already gone",
    "replaced": "another file has its place",
}
_ENDED = {
    ArrivalState.FAILED.value: "not converted",
    ArrivalState.SKIPPED.value: "skipped",
    ArrivalState.REJECTED.value: "rejected",
}
_REPEATED: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "outbox.pauses": lambda event: bool(event.get("repeated")),
    "report.retry_scheduled": lambda event: event.get("tries", 1) > 1,
}
"""Events that come again and again while the server is away; people have a line about the first one."""


def text_of(event: Mapping[str, Any], *, with_colors: bool = False) -> str | None:
    """Return the line of an event, without known secrets, and its traceback in further lines; None if it has no line."""
    words = _words(event)
    if words is None:
        return None
    level = str(event.get("level", "info"))
    moment, shown = _local_time(event.get("timestamp")), f"{level.upper():<8}"
    if with_colors:
        moment, shown = f"{_DIM}{moment}{_PLAIN}", f"{_COLORS.get(level, '')}{shown}{_PLAIN}"
    first = f"{moment} {shown} {printable(redacted(words))}"
    trace = redacted(str(event.get("traceback", ""))).splitlines()
    return "\n".join([first, *(f"    {printable(line)}" for line in trace)])


def has_colors(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that shows colors; the variables NO_COLOR, FORCE_COLOR and TERM are obeyed."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    is_plain = os.environ.get("TERM") == "dumb" or (WINDOWS and not os.environ.get("WT_SESSION"))
    with suppress(OSError, ValueError, AttributeError):
        return bool(stream and stream.isatty() and not is_plain)
    return False


def _words(event: Mapping[str, Any]) -> str | None:
    name = str(event.get("event"))
    if name in _REPEATED and _REPEATED[name](event):
        return None
    if name == "source.finished":
        return _columns(event, _outcome(event), _note(event))
    if name in ("alert.raised", "alert.cleared"):
        return f"{'alert' if name == 'alert.raised' else 'alert is over'}: {_alert(event)}"
    if name == "converter.ready":
        return f"{event.get('converter')}: {_work(event)}, {_kept(event)}"
    if name == "source.suspended":
        return _columns(
            event,
            "suspended",
            f"{event.get('reason')}; {_place(event)}, retried at {_local_time(event.get('retry_at'))}",
        )
    if name == "source.converted":
        waits = f"{_counted(event.get('reports'))} {'waits' if event.get('reports') == 1 else 'wait'}"
        return _columns(event, waits, "") if event.get("waits_for_server") else None
    if error := event.get("error_type"):
        error = f"{error}: {event.get('error_message')}"
    reason = event.get("reason") or error
    fields = {**event, "reason": reason, "details": _details(event)}
    text = _Template().vformat(TEXTS.get(name, f"{name}: {{details}}"), (), fields)
    return f"{text} ({error})" if error and error != reason else text


def _columns(event: Mapping[str, Any], outcome: str, note: str) -> str:
    """Return converter, file, serial number, the unit's result, the outcome, archive id and duration, then the note."""
    result = str(event.get("result") or "-").capitalize()
    columns = (
        f"{event.get('converter'):<12}",
        f"{_file_name(event):<28}",
        f"{event.get('serial_number') or '-':<14}",
        f"{result:<10}",
        f"{outcome:<18}",
        f"{event.get('archive_id') or 'not archived':<24}",
        f"{_seconds(event.get('duration_ms')):>7}",
    )
    return "  ".join((*columns, note) if note else columns).rstrip()


def _outcome(event: Mapping[str, Any]) -> str:
    if ended := _ENDED.get(str(event.get("state"))):
        return ended
    reports, accepted = int(event.get("reports", 0)), int(event.get("accepted", 0))
    if event.get("state") == ArrivalState.REFUSED.value:
        return f"{reports - accepted} of {_counted(reports)} refused" if reports > 1 else "report refused"
    return f"{accepted} of {_counted(reports)} accepted" if accepted < reports else f"{_counted(reports)} accepted"


def _note(event: Mapping[str, Any]) -> str:
    """Return the reason and where the file is now, or the warnings."""
    reason, state = event.get("reason"), event.get("state")
    if state in (ArrivalState.FAILED.value, ArrivalState.REFUSED.value):
        return f"{reason}; {_place(event)}"
    return "; ".join(map(str, (*([reason] if reason else []), *event.get("warnings", ()))))


def _place(event: Mapping[str, Any]) -> str:
    moved_to = event.get("to")
    return _PLACES.get(str(moved_to)) or f"the file is {moved_to or event.get('path')}"


def _counted(reports: object) -> str:
    return "1 report" if reports == 1 else f"{reports or 'no'} reports"


def _seconds(duration_ms: int | None) -> str:
    if duration_ms is None:
        return "-"
    seconds = duration_ms / 1000
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def _alert(event: Mapping[str, Any]) -> str:
    moment = _moment(event.get("raised_at") or event.get("timestamp")) or utc_now()
    details = {key: value for key, value in event.items() if key not in (*_STANDARD, "raised_at")}
    named = OpenAlert(
        name=str(event.get("alert")), subject=str(event.get("subject")), raised_at=moment, details=details
    )
    return sentence(named, now=utc_now())


def _work(event: Mapping[str, Any]) -> str:
    folder = event.get("watch_folder")
    return f"watches {folder}" if folder else "runs on a schedule"


def _kept(event: Mapping[str, Any]) -> str:
    """Return how long and how much is kept."""
    if not (archive := event.get("archive")):
        return "nothing is archived"
    if not event.get("retention_enabled", True):
        return f"{archive} keeps everything"
    days, failed = event.get("retention_days"), event.get("failed_retention_days")
    return f"{archive} keeps {days} days, failed ones {failed}, at most {event.get('max_size_gb'):g} GB"


def _details(event: Mapping[str, Any]) -> str:
    found = (f"{name} {_plain(value)}" for name, value in event.items() if name not in _STANDARD)
    return ", ".join(found)


def _file_name(event: Mapping[str, Any]) -> str:
    return PurePath(str(event.get("path"))).name or str(event.get("path"))


def _local_time(text: object) -> str:
    """Return a moment in the station's time, or as it is if it is none."""
    moment = _moment(text)
    try:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else str(text or "-")
    except (ValueError, OverflowError, OSError):
        return str(text)


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain(count)} {name}" for name, count in value.items()) or "none"
    if isinstance(value, Sequence):
        return ", ".join(map(_plain, value)) or "none"
    return "-" if value is None else str(value)


class _Template(string.Formatter):
    """Fills in an event's fields; a missing field becomes a dash."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key))

    def format_field(self, value: Any, format_spec: str) -> str:
        return _plain(value)
