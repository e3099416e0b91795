"""``web``: the pages of a station, on this computer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.main import INTERRUPTED
from pywats_archive.cli.output import console
from pywats_archive.cli.place import place_of
from pywats_archive.cli.signals import Signals
from pywats_archive.client import Client
from pywats_archive.errors import UsageError

_END_WITHIN_S = 3.0


def web(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the pages; 0 selects a free port.")] = 8087,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    until_input_ends: Annotated[
        bool, typer.Option("--until-input-ends", hidden=True, help="End with the standard input, as a child of 'run'.")
    ] = False,
) -> None:
    """Serve the web pages on this computer.

    It prints an address that signs you in.
    """
    require_pages()
    place = place_of(archive, config)
    folder = place.path if place.is_archive else place.path.parent
    with options.open_client(archive, config) as client:
        serve_pages(client, folder.absolute(), port, is_watched=until_input_ends)


def require_pages() -> None:
    """Raise UsageError unless the extra is installed."""
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise UsageError("the web pages are not installed; install pywats-archive[web]")


def serve_pages(client: Client, folder: Path, port: int, *, is_watched: bool = False) -> None:
    """Serve the pages until Ctrl-C or SIGTERM; ``folder`` holds their token and sessions.

    ``is_watched``: a service started this process, which reads the address and keeps the standard input open while it lives.
    """
    from pywats_archive.web.server import PageServer  # noqa: PLC0415 (an extra)
    from pywats_archive.web.settings import WebSettings  # noqa: PLC0415

    server = PageServer(client, WebSettings(port=port), folder=folder)
    with Signals(stop=server.stop, reload=_nothing):
        if is_watched:
            threading.Thread(target=_end_with_input, args=(server.stop,), name="input", daemon=True).start()
            console.print(server.address, soft_wrap=True)
        else:
            console.print(server.sign_in, soft_wrap=True)
            console.print("Open this address in a browser on this computer. Ctrl-C ends the pages.", style="dim")
        sys.stdout.flush()
        server.serve()


def _end_with_input(stop: Callable[[], object]) -> None:
    """Stop the pages once the service has closed their input, or has ended; the process ends soon in any case."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop()
    time.sleep(_END_WITHIN_S)
    os._exit(INTERRUPTED)


def _nothing() -> None:
    """The pages have no configuration to read again."""
