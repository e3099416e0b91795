"""The process that Windows starts as a service: it runs the station, and reports to the service manager.

The process is python.exe itself, not pywin32's pythonservice.exe: worker processes are started with the same program.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, Protocol

from pywats_archive.errors import ServiceFailed, UsageError

_REPORT_S = 2.0
_HINT_MS = 30_000
"""After this time without a report, the service manager may assume that a stop hangs."""
_NOT_STARTED_AS_SERVICE = 1063
"""ERROR_FAILED_SERVICE_CONTROLLER_CONNECT (Microsoft: system error codes)."""


class Station(Protocol):
    """The station in this process; ``run`` blocks, ``stop`` may be called from any thread."""

    def run(self) -> bool:
        """Run until stopped; return whether it ended in order."""

    def stop(self) -> None:
        """End in order: running conversions are completed."""


class StopReports:
    """While a service stops, reports to the service manager every few seconds that the stop is in progress."""

    def __init__(self, report: Callable[[], None], *, every_s: float = _REPORT_S) -> None:
        self._report = report
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def are_due(self) -> bool:
        """Whether the service stops."""
        return self._thread is not None

    def begin(self) -> None:
        """Report now, and again until ``end``; only the first call counts."""
        if self._thread is None:
            self._report()
            self._thread = threading.Thread(target=self._repeat, name="stop-reports", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop reporting."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _repeat(self) -> None:
        while not self._ended.wait(self._every_s):
            self._report()


def service_class(name: str, framework: Any, api: Any, station: Station, *, every_s: float = _REPORT_S) -> Any:
    """Return the class that pywin32 makes the service from; ``framework`` is its ServiceFramework, ``api`` win32service."""

    class StationService(framework):  # type: ignore[misc]
        _svc_name_ = _svc_display_name_ = name

        def __init__(self, arguments: Any) -> None:
            super().__init__(arguments)
            self.reports = StopReports(self._report_stopping, every_s=every_s)

        def GetAcceptedControls(self) -> int:  # noqa: N802 (pywin32's names)
            """Accept a notice before the shutdown of Windows too: it leaves more time than the shutdown itself."""
            return int(super().GetAcceptedControls()) | int(api.SERVICE_ACCEPT_PRESHUTDOWN)

        def SvcOtherEx(self, control: int, event_type: int, data: object) -> None:  # noqa: N802
            if control == api.SERVICE_CONTROL_PRESHUTDOWN:
                self.SvcStop()

        def SvcInterrogate(self) -> None:  # noqa: N802
            """Repeat the last state: pywin32 would report a service that stops as running."""
            if self.reports.are_due:
                self._report_stopping()
            else:
                self.ReportServiceStatus(api.SERVICE_RUNNING)

        def SvcStop(self) -> None:  # noqa: N802
            self.reports.begin()
            station.stop()

        def SvcDoRun(self) -> None:  # noqa: N802
            """Run the station; an error makes the service manager restart the service."""
            try:
                is_well = station.run()
            finally:
                self.reports.end()
            if not is_well:
                raise ServiceFailed("the station ended with an error; its log says why")

        def _report_stopping(self) -> None:
            self.ReportServiceStatus(api.SERVICE_STOP_PENDING, waitHint=_HINT_MS)

    return StationService


def host(name: str, station: Station) -> None:
    """Run the station as the service that the service manager has started; UsageError if it has not."""
    import servicemanager  # noqa: PLC0415 (these are Windows' own)
    import win32service  # noqa: PLC0415
    import win32serviceutil  # noqa: PLC0415

    signal.signal(signal.SIGBREAK, signal.SIG_IGN)  # type: ignore[attr-defined, unused-ignore]
    # Python receives it as SIGBREAK when a user logs off, and would end the service
    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(service_class(name, win32serviceutil.ServiceFramework, win32service, station))
    try:
        servicemanager.StartServiceCtrlDispatcher()
    except win32service.error as exc:
        if exc.winerror != _NOT_STARTED_AS_SERVICE:
            raise
        raise UsageError(
            "only the service manager of Windows starts this program; use 'pywats-archive service start'"
        ) from exc
