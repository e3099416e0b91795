"""``search``: entries by words of errors, file names, serial and part numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.list_ import CsvOption, Form, UtcOption, answer


def search(
    text: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words or beginnings of words; all must occur.")],
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    limit: options.LimitOption = None,
    offset: options.OffsetOption = 0,
    utc: UtcOption = False,
    as_csv: CsvOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Search names, numbers, errors and warnings.

    Names are file names; numbers are serial and part numbers. The newest source comes first.
    """
    wanted = replace(options.entry_filter(from_, to, converter, status, None, None), text=" ".join(text))
    with options.open_client(archive, config) as client:
        answer(
            client,
            options.known_converter(client, wanted),
            Form(limit=limit, offset=offset, as_json=as_json, as_csv=as_csv, utc=utc),
        )
