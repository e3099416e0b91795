"""The account under which a verb writes: that of the archive; otherwise the verb refuses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.archive.folder.account import become, owner_of, require_owner
from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.cli.place import Place, place_of
from pywats_archive.errors import UsageError
from pywats_archive.host.settings.outline import read_outline
from pywats_archive.portable.files import WINDOWS

AsOwnerOption = Annotated[
    bool,
    typer.Option("--as-owner", hidden=WINDOWS, help="As root, run as the account that owns the archive."),
]


def write_as(archive: Path | None, config: Path | None, *, as_owner: bool) -> None:
    """Continue as the archives' account with ``as_owner``; WrongAccount if this process runs as another account."""
    roots = [archive.absolute()] if archive else _roots_of(place_of(None, config))
    if as_owner:
        _become_owner(roots)
    for root in roots:
        require_owner(root)


def _roots_of(place: Place) -> list[Path]:
    """Return the archives in use, and those that were used before and still exist."""
    if place.is_archive:
        return [place.path]
    station = read_outline(place.path)
    used = station.archive_roots()
    return [each for each in station.archive_roots(even_unused=True) if each in used or (each / DESCRIPTION).exists()]


def _become_owner(roots: Sequence[Path]) -> None:
    if WINDOWS:
        raise UsageError("--as-owner: not available on Windows; run the command as that account")
    owners = {owner.uid: owner for owner in map(owner_of, roots)}
    if len(owners) > 1:
        named = ", ".join(sorted(owner.sudo_name for owner in owners.values()))
        raise UsageError(f"--as-owner: the archives belong to several accounts ({named}); name one with --archive")
    for owner in owners.values():
        if owner.uid == os.geteuid():
            return
        if os.geteuid() != 0:
            raise UsageError(
                f"--as-owner: only root can become '{owner.sudo_name}'; use 'sudo -u {owner.sudo_name} ...'"
            )
        become(owner)
