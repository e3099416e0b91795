"""What a shell may complete in place of a value: names and numbers that the station has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pywats_archive.client import Client


def converters(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the converters."""
    with _client(ctx) as client:
        return list(client.converters())


def policies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names that a policy may have."""
    return [*converters(ctx, incomplete), "*"]


def runs(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the number of each run, newest first, with its state and beginning."""
    with _client(ctx) as client:
        for run in client.runs():
            yield str(run.run_id), f"{run.state.value.lower()}, {run.created_at:%Y-%m-%d}"


def statuses(incomplete: str) -> list[str]:
    """Return the statuses of entries."""
    from pywats_archive.models.entry import ConversionStatus  # noqa: PLC0415

    return [each.value.lower() for each in ConversionStatus]


def results(incomplete: str) -> list[str]:
    """Return the results of units."""
    from pywats_archive.models.report import UnitResult  # noqa: PLC0415

    return [each.value.lower() for each in UnitResult]


def submissions(incomplete: str) -> list[str]:
    """Return the states of reports."""
    from pywats_archive.models.report import SubmissionState  # noqa: PLC0415

    return [each.value.lower() for each in SubmissionState]


def _client(ctx: typer.Context) -> Client:
    from pywats_archive.cli.place import place_of  # noqa: PLC0415
    from pywats_archive.client import Client  # noqa: PLC0415

    place = place_of(_path(ctx.params.get("archive")), _path(ctx.params.get("config")))
    return Client([place.path]) if place.is_archive else Client.from_config(place.path)


def _path(named: Any) -> Path | None:
    return Path(named) if named else None
