"""The service of a station: recover, watch, convert, submit, post-process, until it is stopped or nothing waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import ConversionInterrupted
from pywats_archive.pipeline.alerting.notifier import AlertNotifier
from pywats_archive.pipeline.composition.parts import StationParts
from pywats_archive.pipeline.config_watch import ConfigFile
from pywats_archive.pipeline.idle import RunOutcome
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.running import StationRun
from pywats_archive.pipeline.settings import Settings as Settings  # noqa: PLC0414 (whoever runs a service needs both)

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
        self._interrupt: Callable[[], None] = lambda: None
        self.parts: StationParts | None = None
        """The parts of the current run; None before they exist."""

    def run(self) -> RunOutcome:
        """Run until stopped, or until nothing is waiting; returns the outcome. ConfigError or ArchiveInUse at the start."""
        self._config.handled = self._config.stamp()  # before the file is read, for it may change meanwhile
        station = self._config.read()
        log.info("service.starting", configuration=str(self._settings.config_path), process=os.getpid())
        with ExitStack() as exits:
            exits.callback(log.info, "service.stopped")
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
