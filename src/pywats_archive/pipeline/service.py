"""The service of a station: recover, watch, convert, submit, post-process, until it is stopped or nothing waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import metadata

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import ConversionInterrupted
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.pipeline.alerting.notifier import AlertNotifier
from pywats_archive.pipeline.composition.facts import account_name
from pywats_archive.pipeline.composition.parts import StationParts
from pywats_archive.pipeline.composition.stop_notices import StopNotices
from pywats_archive.pipeline.config_watch import ConfigFile
from pywats_archive.pipeline.idle import RunOutcome
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.running import StationRun
from pywats_archive.pipeline.settings import Settings as Settings  # noqa: PLC0414 (whoever runs a service needs both)
from pywats_archive.redaction import redacted

log = structlog.get_logger()

_SAME_STOP_S = 1.0
"""Requests to stop within this time count as one: a signal may go to the process and to its group."""


class Service:
    """Runs one configuration; ``run`` blocks, ``stop`` and ``reload`` may be called from any thread.

    Not from a signal handler: the code that it interrupts may hold a lock that ``stop`` needs.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = ConfigFile(settings.config_path)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._counts = RunCounts()
        self._asked_to_stop_s = 0.0
        self._notices: StopNotices | None = None
        self._interrupt: Callable[[], None] = lambda: None
        self.parts: StationParts | None = None
        """The parts of the current run; None before they exist."""

    def run(self) -> RunOutcome:
        """Run until stopped, or until nothing is waiting; returns the outcome. ConfigError or ArchiveInUse at the start."""
        self._config.handled = self._config.stamp()  # before the file is read, for it may change meanwhile
        self._log_start(read_station_config(self._settings.config_path))
        station = self._config.read()
        with ExitStack() as exits:
            exits.callback(self._log_end)
            self._notices = StopNotices(self._unfinished_work)
            exits.callback(self._notices.close)
            processes = ConverterProcesses(self._settings.processes or os.cpu_count() or 2, stopping=self._stopping)
            exits.callback(processes.close)
            self._interrupt = processes.close
            notifier = AlertNotifier(station)
            exits.callback(notifier.close)
            try:
                self.parts = StationParts(
                    station,
                    self._settings,
                    config=self._config,
                    processes=processes,
                    counts=self._counts,
                    stopping=self._stopping,
                    wake=self._wake,
                    notifier=notifier,
                    exits=exits,
                )
                return self._drive(StationRun(self.parts), processes)
            except ConversionInterrupted:  # stopped while it started
                return RunOutcome(ended=self._counts.counts)

    def stop(self) -> bool:
        """End gracefully: running conversions are completed, no new work begins.

        A second call, at least a second later, interrupts running conversions; they are repeated at the next start. Returns
        whether this was such a call.
        """
        is_second = self._stopping.is_set() and time.monotonic() - self._asked_to_stop_s > _SAME_STOP_S
        if not self._stopping.is_set():
            log.info("service.stopping")
            self._asked_to_stop_s = time.monotonic()
            if self._notices:
                self._notices.start()
        elif is_second:
            log.warning("service.interrupted")
            self._interrupt()
        self._stopping.set()
        self._wake.set()
        return is_second

    def reload(self) -> None:
        """Read the configuration again, even if it is unchanged."""
        self._config.handled = None
        self._wake.set()

    def _log_start(self, station: StationConfig) -> None:
        """Log the first event; before the state file is written, which may fail and is logged too."""
        log.info(
            "service.starting",
            version=metadata.version("pywats-archive"),
            process=os.getpid(),
            account=account_name(),
            configuration=str(self._settings.config_path),
            archives=[str(root) for root in station.archive_roots()],
            server=redacted(station.server.service_address) or None,
        )

    def _log_end(self) -> None:
        log.info("service.stopped", sources=self._counts.counts)

    def _unfinished_work(self) -> tuple[str, ...]:
        parts = self.parts
        running = (*parts.work.dispatcher.running, *parts.jobs.running, *parts.histories.running) if parts else ()
        return running or ("open connections and archives",)

    def _drive(self, running: StationRun, processes: ConverterProcesses) -> RunOutcome:
        try:
            running.begin()
            outcome = running.watch()
            running.end()
            return outcome
        except BaseException:  # do not wait for running conversions, so that the service can be restarted soon
            self._stopping.set()
            processes.close()
            raise
