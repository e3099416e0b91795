"""The end of ``init``: the keys of the station are created, and what was written is shown."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from pywats_archive.cli.init import words
from pywats_archive.cli.output import console, print_json
from pywats_archive.client.settings.setup import StationSetup
from pywats_archive.doctor.examination import Examination
from pywats_archive.doctor.station.checks import StationCheck
from pywats_archive.doctor.verdict import Level
from pywats_archive.errors import ConfigError, StorageError
from pywats_archive.host.settings.writing.setup import PlannedSetup
from pywats_archive.models.settings.setup import EncryptionKeys, SavedSetup, SigningKey
from pywats_archive.words.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class SetUpStation:
    """What ``init`` wrote."""

    config: str
    """The configuration."""
    is_new: bool
    """Whether the file did not exist before."""
    added: tuple[str, ...]
    """Names of the converters that were added."""
    present: tuple[str, ...]
    """Names of the converters that the file had before; they stay as they were."""
    former: str | None
    """The copy of the former file; null if there was none, or if nothing had to be written."""
    created_folders: tuple[str, ...]
    """The watch folders that were created."""
    signing_key: str | None
    """The key that signs the histories; null if it cannot be used, as a warning says."""
    public_key: str | None
    """The public part of that key; keep a copy elsewhere."""
    identity_file: str | None
    """The secret key of the station's encrypted archives; null without --encrypt."""
    recovery_key: str | None
    """The key that reads encrypted archives if the station is lost. Stored nowhere; null if the keys were there already."""
    changes: tuple[str, ...]
    """The lines of the file that changed, secrets masked."""
    level: Level | None
    """The guarantee that holds in every folder; null if nothing had to be written, since no folder was examined then."""
    checks: tuple[StationCheck, ...]
    """The checks of converters, server, clock, archives, disk space, rights, versions and services."""
    next_commands: tuple[str, ...]
    """Commands to try the station, to look at the result, and to install the service."""


def end(
    planned: PlannedSetup,
    saved: SavedSetup,
    examination: Examination | None,
    setup: StationSetup,
    *,
    encrypt: bool,
    in_key_store: bool,
    as_json: bool,
) -> int:
    """Create the keys of the station, and print what was written; returns the exit code."""
    encryption = setup.make_encryption_keys() if encrypt else None
    key, plan, steps = _key_of(setup, in_key_store=in_key_store), planned.plan, words.next_steps(planned.plan.path)
    if as_json:
        print_json(
            SetUpStation(
                config=str(plan.path),
                is_new=plan.is_new,
                added=plan.added,
                present=plan.present,
                former=str(saved.former) if saved.former else None,
                created_folders=tuple(map(str, saved.folders)),
                signing_key=str(key.path) if key else None,
                public_key=str(key.public_key) if key else None,
                identity_file=str(encryption.identity_file) if encryption else None,
                recovery_key=encryption.recovery_key if encryption else None,
                changes=plan.lines,
                level=examination.level if examination else None,
                checks=examination.checks if examination else (),
                next_commands=tuple(command for _, command in steps),
            )
        )
        return 0
    if examination is None:
        console.print("Nothing to write: the configuration has all of this already.")
    else:
        console.print(printable(f"Written: {plan.path}"), style="green", soft_wrap=True)
    if saved.former:
        console.print(printable(f"The former file: {saved.former}"), soft_wrap=True)
    if key:
        console.print(printable(f"Public key of the history: {key.public_key}; keep a copy elsewhere"), soft_wrap=True)
    if encryption:
        _draw_keys(encryption)
    console.print("\nNext:", style="bold")
    for meaning, command in steps:
        console.print(printable(f"  # {meaning}"), style="dim")
        console.print(printable(f"  {command}"), soft_wrap=True)
    return 0


def _key_of(setup: StationSetup, *, in_key_store: bool) -> SigningKey | None:
    """Create the signing key; None with a warning if that fails: the station is set up, and its service tries again."""
    try:
        return setup.make_key(in_key_store=in_key_store)
    except (ConfigError, StorageError) as exc:
        if in_key_store:  # the service would create a key without
            raise
        warn(str(exc))
        return None


def warn(text: str) -> None:
    """Write a warning to stderr."""
    typer.echo(f"warning: {printable(text)}", err=True)


def _draw_keys(keys: EncryptionKeys) -> None:
    console.print(printable(f"Key of encrypted archives: {keys.identity_file}"), soft_wrap=True)
    if keys.recovery_key is None:
        console.print("The keys were there already; the recovery key was shown when they were created.", soft_wrap=True)
        return
    console.print("Recovery key, shown this once and stored nowhere:", style="bold")
    console.print(f"  {keys.recovery_key}", soft_wrap=True)
    console.print(
        "Write it down, and keep it away from this station: if the station's disk is lost, nothing else opens its archives. "
        "The database of an archive is not encrypted.",
        soft_wrap=True,
    )
