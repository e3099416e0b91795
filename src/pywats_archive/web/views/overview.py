"""The figures of a station as the Overview shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from pywats_archive.models.operation.service import Pulse, ServiceState, ServiceStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics, OpenAlert
from pywats_archive.models.operation.trends import ConversionTimes, FailureReason
from pywats_archive.web.views import chart
from pywats_archive.web.views.words import quoted, visible
from pywats_archive.words.alerts import sentence
from pywats_archive.words.text import counted
from pywats_archive.words.times import brief

_DAYS = 14
_SHOWN = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A sentence about the service or the server."""

    text: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """An open alert as a sentence, and address and name of each page about it."""

    text: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterRow:
    """One converter: what came, and what failed."""

    name: str
    address: str
    failed_address: str
    figures: ArchiveStatistics
    recent: int
    """Entries of the last days."""
    failed_percent: float | None
    last_hour: int
    """Files within the last hour."""
    bars: tuple[chart.Bar, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TimesRow:
    """How long the conversions of one converter take."""

    times: ConversionTimes
    median_width: float
    slow_width: float
    """Both in hundredths of the longest bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasonRow:
    """One reason why conversions failed, and the list of its entries."""

    reason: FailureReason
    address: str
    width: float
    """In hundredths of the longest bar."""


_PLACES = {
    "archive.damaged": ("/integrity", "Findings"),
    "policy.differs": ("/retention", "Retention"),
    "reports.overdue": ("/archives?submission=waiting", "Waiting reports"),
    "reports.refused": ("/archives?submission=refused", "Refused reports"),
    "retention.held_back": ("/integrity", "Findings"),
    "retention.needs_confirmation": ("/retention", "Retention"),
}
"""Where the pages show what an alert is about."""
_OF_COMMAND = ("archive_id", "see")
"""Details that name a command, where a page has a link."""


def alerts(found: Iterable[OpenAlert], *, now: datetime) -> tuple[AlertRow, ...]:
    """Return a sentence for each open alert, with links instead of the commands that show more."""
    return tuple(_alert(each, now) for each in found)


def _alert(alert: OpenAlert, now: datetime) -> AlertRow:
    details, example = alert.details, alert.details.get("archive_id")
    links = [_PLACES[alert.name]] if alert.name in _PLACES and (example or "see" not in details) else []
    if example:
        links.insert(0, (f"/entries/{quoted(example)}", "Example"))
        details = {name: text for name, text in details.items() if name not in _OF_COMMAND}
    return AlertRow(text=visible(sentence(replace(alert, details=details), now=now), most=2000), links=tuple(links))


def glance(pulse: Pulse) -> Line:
    """Return the state of the service in a word or two, with the number of alerts."""
    words = {
        ServiceState.RUNNING: "Running",
        ServiceState.STARTING: "Starting",
        ServiceState.STALLED: "Not responding",
        ServiceState.DIED: "Died",
        ServiceState.STOPPED: "Stopped",
    }
    alerts = f", {counted(pulse.alerts, 'alert')}" if pulse.alerts else ""
    is_down = pulse.state in (ServiceState.STALLED, ServiceState.DIED)
    tone = "bad" if is_down else "good" if pulse.state.is_working and not pulse.alerts else "warn"
    return Line(text=words[pulse.state] + alerts, tone=tone)


def services(found: Iterable[ServiceStatus], *, now: datetime) -> tuple[Line, ...]:
    """Return a line for each service, with what to do if none works."""
    return tuple(_service(each, now) for each in found) or (Line(text="No archive yet.", tone="warn"),)


def _service(service: ServiceStatus, now: datetime) -> Line:
    since = f" since {brief(service.since, now=now)}" if service.since else ""
    texts = {
        ServiceState.RUNNING: f"The service is running{since}.",
        ServiceState.STARTING: f"The service is starting{since}, or another program owns the archive.",
        ServiceState.STALLED: "The service does not respond: see its log, then restart it.",
        ServiceState.DIED: "The service died: see its log, then start it with 'pywats-archive service start'.",
        ServiceState.STOPPED: "The service is stopped. 'pywats-archive service start' or 'pywats-archive run' starts it.",
    }
    tone = "good" if service.state.is_working else "warn" if service.state is ServiceState.STOPPED else "bad"
    return Line(text=texts[service.state], tone=tone)


def servers(found: Iterable[ServiceStatus], accepted_at: datetime | None, *, now: datetime) -> tuple[Line, ...]:
    """Return a line for each server that a service knows."""
    last = f"last report accepted {brief(accepted_at, now=now)}" if accepted_at else "no report accepted yet"
    lines = []
    for contact in {each.server for each in found if each.server}:
        address = visible(contact.address, most=200)
        if contact.trouble is None:
            state = " answers" if contact.has_answered else ": nothing was sent since the service started"
            lines.append(Line(text=f"The server {address}{state}; {last}.", tone="good"))
        else:
            since = f" since {brief(contact.since, now=now)}" if contact.since else ""
            trouble = visible(contact.trouble, most=1000)
            lines.append(Line(text=f"The server {address} accepts nothing{since}: {trouble}; {last}.", tone="bad"))
    return tuple(lines) or (Line(text=f"Server: not known without a running service; {last}.", tone="plain"),)


def converters(
    figures: Sequence[ArchiveStatistics], last_hour: Mapping[str, int], *, today: date
) -> tuple[ConverterRow, ...]:
    """Return a row for each converter."""
    return tuple(_converter(each, last_hour.get(str(each.converter_name), 0), today) for each in figures)


def _converter(figures: ArchiveStatistics, last_hour: int, today: date) -> ConverterRow:
    name, bars = str(figures.converter_name), chart.days(figures.by_day, today=today, number=_DAYS)
    entries, failed = sum(bar.entries for bar in bars), sum(bar.failed for bar in bars)
    return ConverterRow(
        name=name,
        address=f"/archives?{urlencode({'converter': name})}",
        failed_address=f"/archives?{urlencode({'converter': name, 'status': 'failed', 'from': str(bars[0].day)})}",
        figures=figures,
        recent=entries,
        failed_percent=round(100 * failed / entries, 1) if entries else None,
        last_hour=last_hour,
        bars=bars,
    )


def times(found: Sequence[ConversionTimes]) -> tuple[TimesRow, ...]:
    """Return a row for each converter that converted, on one scale."""
    most = max((each.slow_ms for each in found), default=0)
    return tuple(
        TimesRow(times=each, median_width=chart.width(each.median_ms, most), slow_width=chart.width(each.slow_ms, most))
        for each in found
    )


def reasons(found: Sequence[FailureReason], *, today: date, days: int) -> tuple[ReasonRow, ...]:
    """Return a row for each reason of these days, today included; its address lists exactly the entries that it counts."""
    first, most = str(today - timedelta(days=days - 1)), max((each.entries for each in found), default=0)
    return tuple(
        ReasonRow(
            reason=each,
            address=f"/archives?{urlencode({'reason': each.reason, 'from': first, 'purged': 'no'})}",
            width=chart.width(each.entries, most),
        )
        for each in found
    )
