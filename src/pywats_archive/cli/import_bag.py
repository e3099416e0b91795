"""``import BAG``: entries of another archive, checked, with their ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.cli import options
from pywats_archive.cli.account import write_as
from pywats_archive.cli.output import console, facts, print_json, progress
from pywats_archive.cli.place import place_of
from pywats_archive.client import Client
from pywats_archive.client.importing.bag.station import create_archive, is_without_archive, preview_new, steps, too_old
from pywats_archive.errors import NeedsConfirmation
from pywats_archive.models.bag.outcome import ImportedBag
from pywats_archive.words.text import counted, printable

_SHOWN = 20
"""Refused entries that are listed; ``--json`` has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """The options of an import of a bag, and of its output."""

    preview: bool
    yes: bool
    as_owner: bool
    as_json: bool


def import_bag(bag: Path, archive: Path | None, config: Path | None, way: Way) -> int:
    """Import a bag into the archive of ``--archive`` or the only archive; one in a new folder is created after the check."""
    place = place_of(archive, config)
    is_new = place.is_archive and is_without_archive(place.path)
    if not way.preview:
        write_as(archive, config, as_owner=way.as_owner)
    if is_new:
        expected = _preview_new(bag, place.path)
        if way.preview or not expected.imported:
            return _end(replace(expected, is_preview=way.preview), as_json=way.as_json)
        if expected.too_old and not way.yes:
            _ask(too_old(expected.archive, expected.too_old))
            way = replace(way, yes=True)
        create_archive(place.path)
    with options.open_client(archive, config) as client:
        try:
            done = _import(client, bag, way, confirmed=way.yes)
        except NeedsConfirmation as exc:
            _ask(str(exc))
            done = _import(client, bag, way, confirmed=True)
    return _end(done, as_json=way.as_json)


def _ask(warning: str) -> None:
    options.confirm(f"{warning}; import anyway", yes=False)


def _preview_new(bag: Path, folder: Path) -> ImportedBag:
    with progress("checking", lambda: steps(bag, preview=True)) as advance:
        return preview_new(bag, folder, on_file=advance)


def _import(client: Client, bag: Path, way: Way, *, confirmed: bool) -> ImportedBag:
    with progress("checking and importing", lambda: steps(bag, preview=way.preview)) as advance:
        return client.import_bag(bag, preview=way.preview, confirmed=confirmed, on_file=advance, on_progress=advance)


def _end(result: ImportedBag, *, as_json: bool) -> int:
    if as_json:
        print_json(result)
    else:
        console.print(facts(_rows(result)))
        for each in result.refused[:_SHOWN]:
            console.print(printable(f"{each.archive_id}: {each.reason}"), soft_wrap=True, style="yellow")
        if len(result.refused) > _SHOWN:
            console.print(f"... and {len(result.refused) - _SHOWN:,} more; --json lists all")
    return 1 if result.refused else 0


def _rows(result: ImportedBag) -> list[tuple[str, str]]:
    return [
        ("archive", result.archive),
        ("from", ", ".join(f"archive {each}" for each in result.origins)),
        (
            "to import" if result.is_preview else "imported",
            f"{counted(result.imported, 'entry', 'entries')}; none is sent",
        ),
        ("already there", f"{result.already_there:,}"),
        *(
            [("purged before", f"{result.records_only:,}; only the bag has their records")]
            if result.records_only
            else []
        ),
        *([("older than kept", f"{result.too_old:,}; the policy purges them soon")] if result.too_old else []),
        ("refused", f"{len(result.refused):,}"),
    ]
