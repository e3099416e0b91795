"""``import``: takes over the Done folders that pyWATS filled before there was an archive, and bags of other archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import candidates, options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.import_bag import Way, import_bag
from pywats_archive.cli.output import console, facts, print_json, progress
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.importing import Imported, ImportPreview, NotImported
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable
from pywats_archive.words.times import when

_SHOWN = 20
"""Problems that are listed; ``--json`` has all."""


def import_(
    bag: Annotated[
        Path | None, typer.Argument(metavar="[BAG]", help="A bag that 'export' made: a folder or a zip.")
    ] = None,
    done: Annotated[
        Path | None, typer.Option("--done", metavar="DIR", help="The Done folder; nothing in it is changed.")
    ] = None,
    converter: Annotated[
        str | None,
        typer.Option(
            "--converter", metavar="NAME", autocompletion=candidates.converters, help="Whose sources these are."
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Show what would be imported; write nothing.")
    ] = False,
    folders: Annotated[
        bool | None,
        typer.Option("--folders/--files", help="Each folder in DIR is one source, or none; default: as configured."),
    ] = None,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    yes: options.YesOption = False,
    as_json: options.JsonOption = False,
) -> int:
    """Import a bag or an old Done folder.

    A bag's entries keep their ids; all of it is checked first. Of a Done folder, files, folders, zips of single files and
    report documents become entries with their own times. Nothing is sent. What is archived already is left as it is: run the
    command again after an interruption. It works beside a running service.
    """
    if bag is not None:
        if done is not None or converter is not None or folders is not None:
            raise UsageError("import: BAG stands alone; --done, --converter and --folders are for a Done folder")
        return import_bag(bag, archive, config, Way(preview=preview, yes=yes, as_owner=as_owner, as_json=as_json))
    if done is None or converter is None:
        raise UsageError("import: name a bag, or a Done folder with --done DIR --converter NAME")
    if not preview:
        write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config, may_be_new=True) as client:
        expected = client.preview_import(done, converter, folders=folders)
        if preview:
            return _end(expected, as_json=as_json)
        if expected.purged_at_once:
            options.confirm(f"{_purging(expected)}; import anyway", yes=yes)
        number = expected.sources + expected.already_imported
        with progress("importing", lambda: number) as advance:
            imported = client.import_done(done, converter, folders=folders, confirmed=True, on_progress=advance)
    return _end(imported, as_json=as_json)


def _end(result: ImportPreview | Imported, *, as_json: bool) -> int:
    if as_json:
        print_json(result)
    else:
        console.print(facts(_previewed(result) if isinstance(result, ImportPreview) else _imported(result)))
        _say_problems(result.not_imported)
    return 1 if result.not_imported else 0


def _imported(done: Imported) -> list[tuple[str, str]]:
    reports = _many(done.reports, "report")
    return [
        ("archive", done.archive),
        ("imported", f"{_many(done.imported, 'source')} of '{done.converter_name}', {reports}; none is sent"),
        ("already imported", f"{done.already_imported:,}"),
        ("on disk", human_size(done.disk_size_bytes)),
        ("not imported", f"{len(done.not_imported):,}"),
    ]


def _previewed(found: ImportPreview) -> list[tuple[str, str]]:
    counted = ((found.files, "file"), (found.folders, "folder"), (found.zipped, "zipped file"))
    kinds = f"{', '.join(_many(*each) for each in counted)}, {_many(found.alone, 'report')} alone"
    rows = [
        ("archive", found.archive),
        ("to import", f"{_many(found.sources, 'source')} for '{found.converter_name}': {kinds}"),
        ("with reports", f"{found.reports:,} beside their sources; none is sent"),
        ("already imported", f"{found.already_imported:,}"),
        ("size", f"{human_size(found.size_bytes)}; about {human_size(found.estimated_disk_bytes)} in the archive"),
    ]
    if found.oldest and found.newest:
        rows.append(("their times", f"{when(found.oldest)} to {when(found.newest)}"))
    rows.append(("retention", _retention(found)))
    rows.append(("not imported", f"{len(found.not_imported):,}"))
    return rows


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _retention(found: ImportPreview) -> str:
    if found.retention_days is None:
        return "the policy keeps everything: none is purged"
    kept = f"their age counts from the import: kept {_many(found.retention_days, 'day')} from today"
    be = "is" if found.older_than_policy == 1 else "are"
    old = f"; {found.older_than_policy:,} {be} older than that already, and {be} imported too"
    text = kept + (old if found.older_than_policy else "")
    return f"{text}; {_purging(found)}" if found.purged_at_once else f"{text}; none is purged at once"


def _purging(found: ImportPreview) -> str:
    entries = "entry" if found.purged_at_once == 1 else "entries"
    return (
        f"about {found.purged_at_once:,} {entries} would be purged at once, the oldest in the archive first, since the limit "
        f"of {found.max_size_gb:g} GB is exceeded by about {human_size(found.over_bytes)}"
    )


def _say_problems(problems: tuple[NotImported, ...]) -> None:
    for each in problems[:_SHOWN]:
        console.print(printable(f"{each.path}: {each.reason}"), soft_wrap=True, style="yellow")
    if len(problems) > _SHOWN:
        console.print(f"... and {len(problems) - _SHOWN:,} more; --json lists all")
