"""The process of a service of Windows: ``python -m pywats_archive.cli.service_host NAME CONFIG [--web [HOST:]PORT]``.

Windows ends a service that does not report within 30 s. A computer that has just started may take longer to load everything
that a station needs, so that is loaded after the first report. Each worker process loads this module too.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.system_service.windows_host import host

if TYPE_CHECKING:
    from pywats_archive.pipeline.service import Service


class HostedStation:
    """The station of one configuration; the reason for its end is in its log."""

    def __init__(self, name: str, config: Path, *, web: str | None = None) -> None:
        """``web``: the address of the web pages, if they are served."""
        self._name, self._config, self._web = name, config, web
        self._service: Service | None = None
        self._is_stopped = False
        self._mutex = threading.Lock()

    def run(self) -> bool:
        """Run until stopped; return whether it ended in order. The log is in ``logs`` beside the configuration."""
        from pywats_archive.cli import logs, streams  # noqa: PLC0415 (loaded after the first report)

        streams.prepare()
        file = self._config.absolute().parent / "logs" / f"{self._name}.log"
        log = logs.configure(file=file, quiet=True)
        try:
            return self._run(file)
        finally:
            log.close()

    def stop(self) -> None:
        """End in order; before the station has begun, it does not begin."""
        with self._mutex:
            self._is_stopped = True
            service = self._service
        if service:
            service.stop()

    def _run(self, log_file: Path) -> bool:
        import structlog  # noqa: PLC0415

        from pywats_archive.cli.account import write_as  # noqa: PLC0415
        from pywats_archive.pipeline.background.pages import web_address  # noqa: PLC0415
        from pywats_archive.pipeline.service import Service, Settings  # noqa: PLC0415

        log = structlog.get_logger()
        try:
            write_as(None, self._config, as_owner=False)
            web = None if self._web is None else web_address(self._web)
            service = Service(Settings(config_path=self._config, log_file=log_file, web=web))
            if not self._may_begin(service):
                return True
            service.run()
        except ArchiveError as exc:
            log.critical("service.failed", reason=str(exc))
            return False
        except Exception as exc:
            log.critical("service.failed", exc_info=exc)
            return False
        return True

    def _may_begin(self, service: Service) -> bool:
        with self._mutex:
            self._service = service
            return not self._is_stopped


def main() -> None:
    """Run as the service that Windows has started."""
    name, config, *pages = sys.argv[1:]
    try:
        host(name, HostedStation(name, Path(config), web=pages[-1] if pages else None))
    except UsageError as exc:
        sys.exit(f"pywats-archive: {exc}")


if __name__ == "__main__":
    main()
