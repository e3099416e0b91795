"""Options that the verbs of a plant share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.client.plant.index import Plant
from pywats_archive.errors import UsageError

VARIABLE = "PYWATS_ARCHIVE_INDEX"
IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help=f"The folder of the index; default: ${VARIABLE}.")
]
StationOption = Annotated[
    str | None,
    typer.Option("--station", metavar="NAME", help="Only this station; * and ? are wildcards. Or an archive's uuid."),
]


def plant_of(index: Path | None) -> Plant:
    """Return the plant whose index the option or the environment names."""
    named = index or os.environ.get(VARIABLE)
    if not named:
        raise UsageError(f"which index? name its folder with --index DIR, or set {VARIABLE}")
    return Plant(named)
