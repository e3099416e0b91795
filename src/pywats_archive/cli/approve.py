"""``approve``: a second person's approval in a compliant archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json
from pywats_archive.models.retention.compliance import Approval
from pywats_archive.portable.user import current_actor
from pywats_archive.words import approvals as words
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

if TYPE_CHECKING:
    from pywats_archive.client import Client


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalList:
    """The requests that a second person may approve, or the one that was approved."""

    approvals: tuple[Approval, ...]
    """One for each request."""


def approve(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", min=1, max=2**53, help="The request; without it, list all.")
    ] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Approve what another person requested.

    In a compliant archive only. Without NUMBER, list the requests.
    """
    if number is not None:
        write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        found = client.retention.approvals() if number is None else _approved(client, number)
    if as_json:
        print_json(ApprovalList(approvals=found))
    elif number is None:
        _draw(found)
    else:
        (one,) = found
        console.print(
            printable(
                f"request {one.number} approved; {one.requested_by} can carry it out until {when(one.expires_at)}"
            )
        )


def _approved(client: Client, number: int) -> tuple[Approval, ...]:
    return (client.retention.approve(number, actor=current_actor()),)


def _draw(found: tuple[Approval, ...]) -> None:
    if not found:
        console.print("no request waits for an approval")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("request", "act", "by", "until", "approved by", "subject"):
        table.add_column(column, no_wrap=column == "request", overflow="fold")
    for each in found:
        cells = (
            str(each.number),
            words.act(each),
            each.requested_by,
            when(each.expires_at),
            each.approved_by or "-",
            words.subject(each),
        )
        table.add_row(*map(printable, cells))
    console.print(table)
