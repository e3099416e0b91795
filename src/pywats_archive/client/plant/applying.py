"""What a replay over all stations found, for the station that applies its own part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pywats_archive.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class FromPlan:
    """The entries and the code of a plan, for a run of one archive."""

    archive_ids: tuple[str, ...]
    """The entries that the replay converted."""
    untried: int
    """Number of entries of this archive that it skipped."""
    only_code: str
    """Fingerprint of the code that it tried."""
    converter_file: str | None
    """That code, for a dry run; None if the station's own converter has to have it."""
    author: str
    """Who planned it."""
    planned_at: datetime
    """When."""


@contextmanager
def from_plan(run: str, archive_uuid: str, *, config: Path, dry_run: bool) -> Iterator[FromPlan]:
    """Read the part of an archive from the vault of a configuration; the code is in a temporary folder for the block.

    UnknownRun; UsageError if the replay has nothing of this archive, or not all of it yet; VaultError if the code was altered.
    """
    from pywats_archive.client.vault.station import settings_of
    from pywats_archive.plant.replaying import applying
    from pywats_archive.portable.scratch import Scratch
    from pywats_archive.vault.opening import open_vault

    vault = open_vault(settings_of(config, None), tries_again=True)
    part = applying.part_of(vault, run, archive_uuid)
    if not part.archive_ids:
        raise UsageError(f"replay {run} converted no entry of the archive {archive_uuid}")
    scratch = Scratch()
    try:
        yield FromPlan(
            archive_ids=part.archive_ids,
            untried=part.untried,
            only_code=part.plan.code.fingerprint,
            author=part.plan.actor,
            planned_at=part.plan.created_at,
            converter_file=applying.laid_out(vault, part.plan, scratch.make()) if dry_run else None,
        )
    finally:
        scratch.close()
