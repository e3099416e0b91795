"""Metrics for Prometheus, read at each scrape; names and units follow its conventions.

https://prometheus.io/docs/practices/naming/: base units, ``_total`` for counters, a prefix for the application.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pywats_archive.archive import figures
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.pipeline.alerting.alerts import Alerts

log = structlog.get_logger()

Using = Callable[[Archive], AbstractContextManager[bool]]
_P = "pywats_archive_"
_OF_CONVERTER = ("archive", "converter")
_GAUGES = {
    "disk_bytes": (
        "Disk space of the archived sources and reports, as allocated by the file system.",
        "disk_size_bytes",
    ),
    "size_limit_bytes": ("The size limit (max_size_gb) of the policy in force.", "max_size_bytes"),
    "source_bytes": ("Size of the archived sources before compression.", "source_size_bytes"),
    "report_bytes": ("Size of the archived reports before compression.", "report_size_bytes"),
    "reports_waiting": ("Reports that the server has not accepted yet.", "waiting_reports"),
    "reports_refused": ("Reports that the server refused.", "refused_reports"),
    "entries_warned": ("Entries whose latest conversion gave warnings.", "warned_entries"),
}
_COUNTERS = {
    "purged_entries": ("Entries purged since the archive was created.", "purged_entries"),
    "purged_bytes": ("Disk space that the purged entries occupied.", "purged_size_bytes"),
}
_ARCHIVE_GAUGES = {
    "catalog_bytes": ("Size of the catalog, including its log.", "catalog_size_bytes"),
    "disk_free_bytes": ("Free space on the archive's disk.", "disk_free_bytes"),
    "open_findings": ("Blobs that were found damaged and are still damaged.", "open_findings"),
    "net_growth_bytes_per_day": (
        "Bytes archived minus bytes purged, per day, over the last 7 days.",
        "net_bytes_per_day",
    ),
}


class Metrics:
    """Answers scrapes, in its own threads, until it is closed."""

    def __init__(
        self, address: str, archives: Callable[[], Sequence[Archive]], alerts: Alerts, *, using: Using
    ) -> None:
        """Listen on ``PORT`` or ``HOST:PORT`` (loopback without a host); UsageError when that fails."""
        host, port = parse_address(address)
        registry = CollectorRegistry()
        registry.register(_Collector(archives, alerts, using))
        self._server: WSGIServer
        self._thread: threading.Thread
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except OSError as exc:
            raise UsageError(
                f"--metrics {address}: cannot listen there ({exc.strerror or exc}); choose another port"
            ) from exc
        log.info("metrics.listening", address=f"http://{host}:{self._server.server_port}/metrics")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def parse_address(
    text: str, *, option: str = "--metrics", examples: str = "a port such as 9464, or 0.0.0.0:9464 for other computers"
) -> tuple[str, int]:
    """Parse ``PORT`` or ``HOST:PORT``, the value of ``option``; UsageError when it is invalid."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise UsageError(f"{option} {text}: invalid address; use {examples}")
    return host.strip("[]") or "127.0.0.1", int(port)


class _Collector:
    """Reads the figures of each open archive at each scrape."""

    def __init__(self, archives: Callable[[], Sequence[Archive]], alerts: Alerts, using: Using) -> None:
        self._archives = archives
        self._alerts = alerts
        self._using = using

    def describe(self) -> Iterator[Metric]:
        """Return no metric: the metrics depend on the archives."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, of the archives that can be read."""
        known, shipped = [], []
        for archive in self._archives():
            with suppress(ArchiveError, OSError), self._using(archive) as may_use:
                if may_use:
                    known.append((str(archive.root), figures.statistics(archive)))
                    shipped.append((archive, progress.newest_lag(archive)))
        yield _up(self._archives(), known)
        yield _entries(known)
        for name, (description, attribute) in _GAUGES.items():
            yield _by_converter(GaugeMetricFamily(_P + name, description, labels=_OF_CONVERTER), known, attribute)
        for name, (description, attribute) in _COUNTERS.items():
            yield _by_converter(CounterMetricFamily(_P + name, description, labels=_OF_CONVERTER), known, attribute)
        yield _newest(known)
        for name, (description, attribute) in _ARCHIVE_GAUGES.items():
            family = GaugeMetricFamily(_P + name, description, labels=("archive",))
            for root, whole in known:
                family.add_metric((root,), getattr(whole, attribute) or 0)
            yield family
        yield from _vault(shipped)
        alerts = GaugeMetricFamily(_P + "alert", "1 for each alert that is open.", labels=("alert", "subject"))
        for alert in self._alerts.open:
            alerts.add_metric((alert.name, alert.subject), 1)
        yield alerts


_Known = Sequence[tuple[str, ArchiveStatistics]]


def _up(archives: Sequence[Archive], known: _Known) -> Metric:
    family = GaugeMetricFamily(
        _P + "up", "1 for an archive that can be read, 0 for one that cannot.", labels=("archive",)
    )
    readable = {root for root, _ in known}
    for archive in archives:
        family.add_metric((str(archive.root),), str(archive.root) in readable)
    return family


def _vault(shipped: Sequence[tuple[Archive, progress.Lag | None]]) -> Iterator[Metric]:
    """Yield how much waits for the vault, for each archive that was ever shipped."""
    labels = ("archive",)
    waiting = GaugeMetricFamily(_P + "vault_waiting_events", "Events that the vault does not have yet.", labels=labels)
    description = "Age of the oldest event that the vault does not have yet."
    oldest = GaugeMetricFamily(_P + "vault_waiting_seconds", description, labels=labels)
    for archive, lag in shipped:
        if lag:
            age_s = (archive.now() - lag.oldest_at).total_seconds() if lag.oldest_at else 0.0
            waiting.add_metric((str(archive.root),), lag.events)
            oldest.add_metric((str(archive.root),), max(0.0, age_s))
    yield from (waiting, oldest)


def _entries(known: _Known) -> Metric:
    labels = (*_OF_CONVERTER, "status")
    family = GaugeMetricFamily(
        _P + "entries", "Archived entries by the status of their latest conversion.", labels=labels
    )
    for root, whole in known:
        for each in whole.by_converter:
            for status, number in each.by_status.items():
                family.add_metric((root, str(each.converter_name), status.lower()), number)
    return family


def _by_converter(family: GaugeMetricFamily | CounterMetricFamily, known: _Known, attribute: str) -> Metric:
    for root, whole in known:
        for each in whole.by_converter:
            value = getattr(each, attribute)
            if value is not None:
                family.add_metric((root, str(each.converter_name)), value)
    return family


def _newest(known: _Known) -> Metric:
    description = "When the newest entry was received, in seconds since 1970."
    family = GaugeMetricFamily(_P + "newest_entry_timestamp_seconds", description, labels=_OF_CONVERTER)
    for root, whole in known:
        for each in whole.by_converter:
            if isinstance(each.newest_entry, datetime):
                family.add_metric((root, str(each.converter_name)), each.newest_entry.timestamp())
    return family
