"""The station in a service of Windows: it logs to a file of its own."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.cli import logs
from pywats_archive.cli.account import write_as
from pywats_archive.cli.log_file import log_file
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.service import Service, Settings
from pywats_archive.system_service.windows_host import host

log = structlog.get_logger()


class HostedStation:
    """The service of one configuration; whatever ends it is in the log."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._service = Service(Settings(config_path=config))

    def run(self) -> bool:
        """Run until stopped; return whether it ended in order."""
        try:
            write_as(None, self._config, as_owner=False)
            self._service.run()
        except ArchiveError as exc:
            log.critical("service.failed", reason=str(exc))
        except Exception as exc:
            log.critical("service.failed", exc_info=exc)
        else:
            return True
        return False

    def stop(self) -> None:
        """End in order."""
        self._service.stop()


def host_station(name: str, config: Path) -> None:
    """Run a configuration's station as the service ``name``, with its log beside the configuration."""
    stream = logs.configure(log_file(config.parent / "logs" / f"{name}.log"))
    try:
        host(name, HostedStation(config))
    finally:
        stream.close()
