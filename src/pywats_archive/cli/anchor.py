"""``anchor``: the newest event of each archive, signed, as a line for a mail or for paper."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import print_json
from pywats_archive.cli.place import chosen_archive, config_of
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.integrity import Anchored
from pywats_archive.portable.files import read_small
from pywats_archive.portable.user import current_actor
from pywats_archive.words.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorList:
    """The anchors that were made."""

    anchors: tuple[Anchored, ...]
    """One for each archive."""


def anchor(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    request: Annotated[
        Path | None,
        typer.Option("--request", metavar="FILE", help="Also write a request for a time stamp (RFC 3161) to FILE."),
    ] = None,
    response: Annotated[
        Path | None,
        typer.Option("--response", metavar="FILE", help="Instead, keep the authority's answer in the archive."),
    ] = None,
    tsa_certificate: Annotated[
        Path | None,
        typer.Option("--tsa-certificate", metavar="PEM", help="Accept the answer only if this authority signed it."),
    ] = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Sign the newest event, as a line to keep.

    Kept elsewhere (mail, paper), it shows 'verify' later that no event up to it was changed. anchor_folders get it too.
    """
    archive = chosen_archive(archive, config)
    write_as(archive, config_of(config), as_owner=as_owner)
    if response:
        return _keep_answer(config, response, tsa_certificate)
    with options.open_station(config) as client:
        if request:
            return _write_request(client, archive, request)
        made = client.anchor(archive, actor=current_actor(), ask_passphrase=_ask)
    if as_json:
        print_json(AnchorList(anchors=made))
    else:
        for each in made:
            typer.echo(each.line)
            for failure in each.failures:
                typer.echo(printable(failure), err=True)
    return 1 if any(each.failures for each in made) else 0


def _write_request(client: Client, archive: Path | None, request: Path) -> int:
    content = client.request_time_stamp(archive, actor=current_actor())
    try:
        with request.open("xb") as stream:
            stream.write(content)
    except OSError as exc:
        raise UsageError(f"{request}: cannot be written ({exc.strerror or exc}); name a new file") from exc
    typer.echo(f"{request}: send it to the authority, then add its answer with --response")
    return 0


def _keep_answer(config: Path | None, response: Path, certificate: Path | None) -> int:
    try:
        answer, roots = read_small(response), [read_small(certificate)] if certificate else []
    except OSError as exc:
        raise UsageError(f"{exc.filename or response}: cannot be read ({exc.strerror or exc})") from exc
    with options.open_station(config) as client:
        at = client.add_time_stamp(answer, roots=roots, actor=current_actor())
    unchecked = "" if roots else "; its authority was not checked: add --tsa-certificate"
    typer.echo(f"time stamp of {at:%Y-%m-%d %H:%M:%S} UTC kept{unchecked}")
    return 0


def _ask() -> str | None:
    """Ask for the passphrase of the key; None without a terminal."""
    return getpass("Passphrase of the signing key: ") if sys.stdin.isatty() else None
