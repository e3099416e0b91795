"""The figures of a station as the Overview shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.service import ServiceState, ServiceStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.operation.trends import ConversionTimes, FailureReason
from pywats_archive.web.views import chart
from pywats_archive.web.views.words import visible
from pywats_archive.words.times import brief

_FAILED = {ArrivalState.FAILED.value, ArrivalState.REFUSED.value, ArrivalState.REJECTED.value}
_DAYS = 14
_SHOWN = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A sentence about the service or the server."""

    text: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterRow:
    """One converter: what came, what failed, and how long it takes."""

    name: str
    address: str
    failed_address: str
    figures: ArchiveStatistics
    recent: int
    """Entries of the last days."""
    failed_percent: float | None
    bars: tuple[chart.Bar, ...]
    times: ConversionTimes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasonRow:
    """One reason why conversions failed, and the list of its entries."""

    reason: FailureReason
    address: str


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


def failed_on(accounts: Iterable[tuple[date, Mapping[str, int]]], day: date) -> int:
    """Return how many sources failed that came on a day, from the states by day."""
    return sum(number for on, states in accounts if on == day for state, number in states.items() if state in _FAILED)


def converters(
    figures: Sequence[ArchiveStatistics], times: Iterable[ConversionTimes], *, today: date
) -> tuple[ConverterRow, ...]:
    """Return a row for each converter."""
    known = {each.converter_name: each for each in times}
    return tuple(_converter(each, known.get(str(each.converter_name)), today) for each in figures)


def _converter(figures: ArchiveStatistics, times: ConversionTimes | None, today: date) -> ConverterRow:
    name, bars = str(figures.converter_name), chart.days(figures.by_day, today=today, number=_DAYS)
    entries, failed = sum(bar.entries for bar in bars), sum(bar.failed for bar in bars)
    return ConverterRow(
        name=name,
        address=f"/archives?{urlencode({'converter': name})}",
        failed_address=f"/archives?{urlencode({'converter': name, 'status': 'failed', 'from': str(bars[0].day)})}",
        figures=figures,
        recent=entries,
        failed_percent=round(100 * failed / entries, 1) if entries else None,
        bars=bars,
        times=times,
    )


def reasons(found: Iterable[FailureReason], *, today: date, days: int) -> tuple[ReasonRow, ...]:
    """Return a row for each reason of these days, today included; its address lists exactly the entries that it counts."""
    first = str(today - timedelta(days=days - 1))
    return tuple(
        ReasonRow(reason=each, address=f"/archives?{urlencode({'reason': each.reason, 'from': first, 'purged': 'no'})}")
        for each in found
    )
