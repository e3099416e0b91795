"""``vault``: the bucket or folder that has a copy of each archive."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.options import parse_day
from pywats_archive.cli.output import print_json, progress_of
from pywats_archive.cli.place import config_beside, config_of
from pywats_archive.client import Client
from pywats_archive.models.time import utc_now
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted, printable
from pywats_archive.words.vault import findings, unconfirmed, waiting

app = typer.Typer(help="Copy archives to a bucket or a share.", no_args_is_help=True, rich_markup_mode=None)
UrlArgument = Annotated[
    str | None, typer.Argument(metavar="URL", help="s3://, az:// or gs://, or a folder; default: vault_url.")
]


@app.callback()
def _vault() -> None:
    """Copy archives to a bucket or a share."""


@app.command("init")
def init(
    url: UrlArgument = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Create the vault, once for all stations.

    It prints the least rights that the station needs there. The configuration stays as it is: set vault_url yourself.
    """
    with options.open_station(config) as client:
        made = client.vault.init(url)
    if as_json:
        print_json(made)
        return
    typer.echo(printable(f"{made.url}: {'is a vault now' if made.is_new else 'was a vault already; nothing changed'}"))
    for each in made.rights:
        text = f"Rights that the station with archive {each.archive_uuid} needs, and no others:"
        for line in ("", text, "", *each.document.splitlines()):
            typer.echo(printable(line))


@app.command("status")
def status(config: options.ConfigOption = None, as_json: options.JsonOption = False) -> None:
    """Show what the vault has, and what it lacks.

    It says what this station knows, and asks nothing over the network.
    """
    with options.open_station(config) as client:
        found = client.vault.status()
    if as_json:
        print_json(found)
        return
    typer.echo(printable(found.vault))
    for each in found.archives:
        shipped = f"{each.shipped_at:%Y-%m-%d %H:%M:%S} UTC" if each.shipped_at else "never"
        copied = f"copied up to event {each.last} of {each.newest}; {waiting(each)}; last copied: {shipped}"
        typer.echo(printable(f"{each.archive}: {copied}"))
        if each.confirmed_at:
            asked = f"confirmed up to event {each.confirmed}, asked at {each.confirmed_at:%Y-%m-%d %H:%M:%S} UTC"
            typer.echo(printable(f"{each.archive}: {asked}"))
        for finding in findings(each, now=utc_now()):
            typer.echo(printable(f"{each.archive}: {finding}"))


@app.command("push")
def push(
    config: options.ConfigOption = None, as_owner: AsOwnerOption = False, as_json: options.JsonOption = False
) -> int:
    """Copy all that waits now.

    A running service is no obstacle. With vault_required, the vault then confirms what it has.
    """
    write_as(None, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client, progress_of("copying events") as on_progress:
        done = client.vault.push(on_progress=on_progress)
    if as_json:
        print_json(done)
    else:
        for each in done.archives:
            said = f"{counted(each.segments, 'segment')}, {human_size(each.size_bytes)}; copied up to event {each.last}"
            said += "" if each.confirmed is None else f", and confirmed up to event {each.confirmed}"
            typer.echo(printable(f"{each.archive}: {said}"))
    for each in done.archives:
        if unconfirmed(each):
            typer.echo(printable(f"{each.archive}: {unconfirmed(each)}"), err=True)
        for path, why in each.absent.items():
            typer.echo(
                printable(f"{Path(each.archive, path)}: {why}, so the vault has no copy; run 'verify'"), err=True
            )
    return 1 if any(each.absent or unconfirmed(each) for each in done.archives) else 0


@app.command("verify")
def verify(
    config: options.ConfigOption = None,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="PERCENT", help="Read only this part from end to end, e.g. 5%.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Copy damaged and missing objects again; nothing there is replaced.")
    ] = False,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Check the copies in the vault.

    Each segment is read, and its history compared with that of the archive: events that were cut off or altered here are found.
    """
    percent = 100.0 if sample is None else options.percent_of(sample, "--sample")
    if repair:
        write_as(None, config_of(config), as_owner=as_owner)
    with options.open_station(config) as client:
        done = client.vault.verify(sample_percent=percent, seed=secrets.token_hex(4), repair=repair)
    if as_json:
        print_json(done)
    for each in done.archives:
        for problem in each.problems:
            typer.echo(printable(problem), err=True)
        for line in each.repaired:
            typer.echo(printable(line), err=True)
        if not as_json:
            said = f"{counted(each.segments, 'segment')} up to event {each.last}, {counted(each.files, 'file')} read"
            typer.echo(printable(f"{each.archive}: {said}; {counted(len(each.problems), 'problem')}"))
    return 1 if any(each.problems for each in done.archives) else 0


@app.command("restore")
def restore(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The new archive: a folder that does not exist yet.")],
    url: options.VaultOption = None,
    config: options.ConfigOption = None,
    archive_uuid: Annotated[
        str | None, typer.Option("--uuid", metavar="UUID", help="One of several archives in the vault.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="As it was then, by the segments of that time.")
    ] = None,
    as_json: options.JsonOption = False,
) -> int:
    """Restore a whole archive.

    It has the same uuid, history and rows, and each file that was not purged. Its station can go on with it.
    """
    known = config_beside(url, config)
    with Client.from_config(known, opens_archives=False) if known else Client([]) as client:
        moment = parse_day(until, "--until")
        with progress_of("restoring segments") as on_progress:
            done = client.vault.restore(to, url=url, archive_uuid=archive_uuid, until=moment, on_progress=on_progress)
    for problem in (*done.remarks, *done.problems):
        typer.echo(printable(problem), err=True)
    if as_json:
        print_json(done)
    else:
        typer.echo(
            printable(
                f"{done.archive}: {counted(done.entries, 'entry', 'entries')} and {counted(done.files, 'file')} of "
                f"{done.station}, up to event {done.events} of {done.ended_at:%Y-%m-%d %H:%M:%S} UTC; check with "
                f"'pywats-archive verify --archive {done.archive}'"
            )
        )
        if done.absent:
            typer.echo(f"{counted(len(done.absent), 'file')} were missing or damaged at the station, and are not here")
    return 1 if done.problems else 0
