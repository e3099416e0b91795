"""Arguments that several verbs of ``reprocess`` share, and what they open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.cli import candidates, options
from pywats_archive.cli.options import quoted
from pywats_archive.client import Client

RunArgument = Annotated[
    int, typer.Argument(metavar="RUN", autocompletion=candidates.runs, min=1, max=2**63 - 1, help="Number of the run.")
]
ReadArchiveOption = Annotated[
    Path | None, typer.Option("--archive", metavar="DIR", help="Read this archive; needs no configuration.")
]

ActorOption = Annotated[
    str | None, typer.Option("--actor", hidden=True, help="Who asked for it, for the history; from the pages.")
]


@contextmanager
def reading(archive: Path | None, config: Path | None) -> Iterator[Client]:
    """Open what has the runs: the folder of an archive, or the archives of a configuration, of which it chooses one."""
    with options.open_client(archive, None if archive else config) as client:
        yield client


def place_words(archive: Path | None, config: Path | None) -> str:
    """Return the options that a following command needs, as they were used for this one."""
    named = (("--archive", archive), ("--config", config))
    return "".join(f" {option} {quoted(str(path))}" for option, path in named if path)
