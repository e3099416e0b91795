"""``web``: the pages of a station or of a plant, on this computer or on the network."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pywats_archive.cli import options, web_users
from pywats_archive.cli.main import INTERRUPTED
from pywats_archive.cli.output import console
from pywats_archive.cli.place import config_of, is_config_named, place_of
from pywats_archive.cli.signals import Signals
from pywats_archive.cli.web_place import folder_of, plant_folder_of, require_pages
from pywats_archive.client import Client
from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import UsageError
from pywats_archive.host.settings.groups import read_web_config
from pywats_archive.portable.processes import lower_priority

if TYPE_CHECKING:
    from pywats_archive.web.server import PageServer
    from pywats_archive.web.settings import WebSettings

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(web_users.app, name="users")
_END_WITHIN_S = 3.0


@app.callback()
def web(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Address to serve at; default: this computer only.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the pages, by default 8087; 0 selects a free port.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate for HTTPS, with its chain (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Key of the certificate (PEM).")] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME", help="Another name that browsers use; repeatable.")
    ] = None,
    plant: Annotated[
        Path | None,
        typer.Option(
            "--plant", metavar="DIR", help="Show all stations of a plant, read only: the folder of its index."
        ),
    ] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    until_input_ends: Annotated[
        bool, typer.Option("--until-input-ends", hidden=True, help="End with the standard input, as a child of 'run'.")
    ] = False,
) -> None:
    """Serve the web pages.

    On this computer, the printed address signs you in. On the network, the pages need HTTPS and users.
    """
    if context.invoked_subcommand:
        return
    require_pages()
    given = {"host": host, "port": port, "certificate": certificate, "key": key, "names": names}
    given = {name: value for name, value in given.items() if value not in (None, [])}
    if plant:
        _serve_plant(plant, archive, config, given)
        return
    place = place_of(archive, config)
    wanted = {} if place.is_archive else _configured(place.path)
    with options.open_client(archive, config) as client:
        serve_pages(client, folder_of(archive, config), is_watched=until_input_ends, **wanted | given)


def _serve_plant(index: Path, archive: Path | None, config: Path | None, given: dict[str, Any]) -> None:
    if archive:
        raise UsageError("--plant and --archive: use one of them, not both")
    from pywats_archive.web.plant.app import plant_server  # noqa: PLC0415 (an extra)

    known = config_of(config) if is_config_named(config) else None
    settings = _settings((_configured(known) if known else {}) | given)
    folder = plant_folder_of(index, known)
    _serve(plant_server(Plant(index), settings, folder=folder, config=known), settings)


def _configured(path: Path) -> dict[str, Any]:
    """Return what a configuration says of the pages."""
    keys = read_web_config(path)
    found = {"host": keys.web_host, "port": keys.web_port, "names": keys.web_names}
    files = {"certificate": keys.web_certificate, "key": keys.web_key}
    return found | {name: Path(text) for name, text in files.items() if text}


def serve_pages(client: Client, folder: Path, *, is_watched: bool = False, **wanted: Any) -> None:
    """Serve the pages until Ctrl-C or SIGTERM; ``folder`` holds their token, users and sessions, ``wanted`` is of WebSettings.

    ``is_watched``: a service started this process, which reads the address and keeps the standard input open while it lives.
    """
    from pywats_archive.web.app import station_server  # noqa: PLC0415 (an extra)

    settings = _settings(wanted)
    _serve(station_server(client, settings, folder=folder), settings, is_watched=is_watched)


def _settings(wanted: dict[str, Any]) -> WebSettings:
    from pywats_archive.web.settings import WebSettings  # noqa: PLC0415 (an extra)

    return WebSettings(**wanted | {"names": tuple(wanted.get("names", ()))})


def _serve(server: PageServer, settings: WebSettings, *, is_watched: bool = False) -> None:
    with Signals(stop=server.stop, reload=server.reload):
        if is_watched:
            lower_priority()
            threading.Thread(target=_end_with_input, args=(server.stop,), name="input", daemon=True).start()
            console.print(server.address, soft_wrap=True)
        else:
            console.print(server.sign_in, soft_wrap=True)
            whose = "in a browser on this computer" if settings.is_local else "in a browser, and sign in with your name"
            console.print(f"Open this address {whose}. Ctrl-C ends the pages.", style="dim")
        sys.stdout.flush()
        server.serve()


def _end_with_input(stop: Callable[[], object]) -> None:
    """Stop the pages once the service has closed their input, or has ended; the process ends soon in any case."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop()
    time.sleep(_END_WITHIN_S)
    os._exit(INTERRUPTED)
