"""``cat``: the bytes of a source, a companion or a report, to stdout."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.errors import UsageError
from pywats_archive.portable.user import current_actor
from pywats_archive.words.text import printable
from pywats_archive.words.vault import from_vault


def cat(
    name: Annotated[str, typer.Argument(metavar="ID", help=options.ID_HELP)],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    report: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The N-th report that 'show' lists, as JSON.")
    ] = None,
    companion: Annotated[str | None, typer.Option(metavar="NAME", help="The companion with this name.")] = None,
) -> None:
    """Print a source, a companion or a report.

    Checksums are verified. A folder is printed as a tar archive. Files that were purged are read from the vault, if the
    configuration names one.
    """
    if report is not None and companion is not None:
        raise UsageError("cat: use --report or --companion, not both")
    with options.open_client(archive, config) as client:
        archive_id = client.resolve(name)
        if report is not None:
            content = client.open_report(archive_id, report, actor=current_actor())
        elif companion is not None:
            content = client.open_companion(archive_id, companion, actor=current_actor())
        else:
            content = client.open_source(archive_id, actor=current_actor())
        if content.vault:
            typer.echo(printable(from_vault(archive_id, content.vault)), err=True)
        sys.stdout.flush()
        with content:
            while chunk := content.read1(1 << 20):
                sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
