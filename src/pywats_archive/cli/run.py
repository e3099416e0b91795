"""``run``: the service of a station."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import structlog
import typer

from pywats_archive.cli import logs
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.log_file import require_writable
from pywats_archive.cli.logs import FORMAT_VARIABLE, LogFormat, LogLevel
from pywats_archive.cli.options import WebOption
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.place import service_config_of
from pywats_archive.cli.signals import Signals
from pywats_archive.errors import ArchiveError, ServiceFailed, UsageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.background.pages import web_address
from pywats_archive.pipeline.idle import RunOutcome
from pywats_archive.pipeline.service import Service, Settings
from pywats_archive.words.text import printable

log = structlog.get_logger()

_BAD = {ArrivalState.FAILED.value, ArrivalState.REFUSED.value}


def run(
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="pyWATS' configuration.")] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Retry everything at once, and exit when nothing is waiting.")
    ] = False,
    processes: Annotated[
        int, typer.Option(min=0, max=64, help="Number of converter processes; 0 is one per core.")
    ] = 0,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild a damaged or missing metadata.db; the old one is kept beside it.")
    ] = False,
    accept_notes: Annotated[
        bool,
        typer.Option("--accept-notes", help="Accept unsigned notes in Done/not-archived as genuine."),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT", help="Serve Prometheus metrics on [HOST:]PORT (loopback only unless HOST is given)."
        ),
    ] = None,
    web: WebOption = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option("--log-format", help=f"Text for people, JSON for programs; default: ${FORMAT_VARIABLE}, or text."),
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Log to FILE too: five files of at most 10 MB.")
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="Log only events of this level and above.")
    ] = LogLevel.INFO,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only errors; --log-file gets the whole log.")
    ] = False,
    as_owner: AsOwnerOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout at the end.")] = False,
) -> int:
    """Run the service until it is stopped.

    It watches, archives, converts and submits until Ctrl-C, or until nothing is waiting.
    """
    if web is not None and until_idle:
        raise UsageError("--web and --until-idle: use one of them, not both")
    served_at = None if web is None else web_address(web)
    path = service_config_of(config)
    file = Path(os.path.abspath(log_file)) if log_file else None  # noqa: PTH100 (keeps links as they are named)
    write_as(None, path, as_owner=as_owner)
    logging = logs.configure(log_format=log_format, file=file, level=log_level, quiet=quiet)
    if file:
        require_writable(file)
    settings = Settings(
        config_path=path,
        processes=processes,
        until_idle=until_idle,
        repair=repair,
        accept_notes=accept_notes,
        metrics=metrics,
        web=served_at,
        log_file=file,
    )
    service = Service(settings)
    interrupted = threading.Event()

    def stop() -> bool:
        interrupted.set()
        return service.stop()

    try:
        with Signals(stop=stop, reload=service.reload):
            outcome = _outcome(service)
    finally:
        logging.close()  # before the lines that say how it ended
    if as_json:
        print_json(outcome)
    elif not quiet:
        for line in outcome.waiting:
            console.print(printable(line), soft_wrap=True)
        console.print(_summary(outcome, is_idle=until_idle and not interrupted.is_set()))
    has_failed = until_idle and not _BAD.isdisjoint(outcome.ended)
    return 1 if outcome.waiting or has_failed else 0


def _summary(outcome: RunOutcome, *, is_idle: bool) -> str:
    """Return how the sources ended, and where to see what waits."""
    ended = ", ".join(f"{count} {state}" for state, count in outcome.ended.items())
    if outcome.waiting:
        return f"Sources: {ended or 'none ended'}. What is still waiting is listed above."
    if ended:
        return f"Sources: {ended}."
    return "Sources: none ended" + (
        ", none is waiting." if is_idle else ". 'pywats-archive status' shows what is waiting."
    )


def _outcome(service: Service) -> RunOutcome:
    """Run the service; the log says why it ended, if it was not stopped, and its error becomes the command's."""
    try:
        return service.run()
    except UsageError:
        raise
    except ArchiveError as exc:
        log.critical("service.failed", reason=str(exc))
        raise
    except Exception as exc:
        log.critical("service.failed", exc_info=exc)
        raise ServiceFailed(
            f"an unexpected error ended the service ({type(exc).__name__}: {exc}); see the log"
        ) from exc
