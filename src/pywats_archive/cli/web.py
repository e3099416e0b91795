"""``web``: the pages of a station, on this computer."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.output import console
from pywats_archive.cli.place import place_of
from pywats_archive.cli.signals import Signals
from pywats_archive.client import Client
from pywats_archive.errors import UsageError


def web(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the pages; 0 selects a free port.")] = 8087,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Serve the web pages on this computer.

    It prints an address that signs you in.
    """
    require_pages()
    place = place_of(archive, config)
    folder = place.path if place.is_archive else place.path.parent
    with options.open_client(archive, config) as client:
        serve_pages(client, folder.absolute(), port)


def require_pages() -> None:
    """Raise UsageError unless the extra is installed."""
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise UsageError("the web pages are not installed; install pywats-archive[web]")


def serve_pages(client: Client, folder: Path, port: int) -> None:
    """Serve the pages until Ctrl-C or SIGTERM; ``folder`` holds their token and sessions."""
    from pywats_archive.web.server import PageServer  # noqa: PLC0415 (an extra)
    from pywats_archive.web.settings import WebSettings  # noqa: PLC0415

    server = PageServer(client, WebSettings(port=port), folder=folder)
    with Signals(stop=server.stop, reload=_nothing):
        console.print(server.sign_in, soft_wrap=True)
        console.print("Open this address in a browser on this computer. Ctrl-C ends the pages.", style="dim")
        sys.stdout.flush()
        server.serve()


def _nothing() -> None:
    """The pages have no configuration to read again."""
