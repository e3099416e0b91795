"""``logs``: the log of the service, where it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.log_tail import LogTail
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.portable.files import WINDOWS
from pywats_archive.system_service.instance import service_name
from pywats_archive.system_service.systemd import Systemd, pass_on
from pywats_archive.words.text import printable

_POLL_S = 0.5


def logs(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines until Ctrl-C.")] = False,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, max=10**6, help="The last N lines.")] = 100,
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="NAME", help="One of several services on this computer.")
    ] = None,
) -> int:
    """Show the log of the service.

    With 'run --log-file' and on Windows, the log is a file; a systemd service logs to the journal.
    """
    with options.open_client(archive, config) as client:
        services = client.services()
    files = sorted({service.log for service in services if service.log})
    if len(files) > 1:
        known = ", ".join(map(str, files))
        raise UsageError(f"several services have logs; choose one with --archive, or read its file: {known}")
    if files:
        return _show(files[0], last, follow=follow)
    journal = None if WINDOWS else Systemd().journal(service_name(instance), last=last, follow=follow)
    if journal:
        sys.stdout.flush()
        return pass_on(journal)
    typer.echo(printable(_elsewhere(services)), err=True)
    return 1


def _show(path: Path, last: int, *, follow: bool) -> int:
    if not path.is_file():
        raise UsageError(f"{path}: the service names this as its log, and it is not a regular file")
    tail = LogTail(path)
    try:
        text = tail.last(last)
        while True:
            sys.stdout.write("".join(f"{printable(line)}\n" for line in text.splitlines()))
            sys.stdout.flush()
            if not follow:
                return 0
            time.sleep(_POLL_S)
            text = tail.added()
    except KeyboardInterrupt:  # Ctrl-C is its normal end
        return 0


def _elsewhere(services: Sequence[ServiceStatus]) -> str:
    """Say where the log is, as far as that is known."""
    process = next((service.process for service in services if service.process), None)
    of = f"of process {process}" if process else "of 'pywats-archive run'"
    return (
        f"pywats-archive: the service writes no log file, and no systemd unit is installed: its log goes to the standard "
        f"error {of}; 'run --log-file FILE' also writes it to a file"
    )
