"""The rights of the files with secrets and of their folder, and doubtful values of the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.anchors.signing import KEY_FILE as SIGNING_KEY
from pywats_archive.config import StationConfig
from pywats_archive.config.keys import IDENTITY_FILE
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.host.settings.key import KEY_FILE
from pywats_archive.portable.private import group_who_may_read
from pywats_archive.words.text import listed


def check_configuration(station: StationConfig, doubtful: Sequence[str]) -> Iterator[StationCheck]:
    """Yield a check for each doubtful value, or one that there is none, and one of the folder's rights."""
    for line in doubtful:
        yield StationCheck(topic=Topic.CONFIGURATION, level=CheckLevel.WARNING, seen=line)
    folder = station.path.parent
    existing = next(filter(os.path.exists, (folder, *folder.parents)), folder)  # init has yet to create the rest
    if not os.access(existing, os.W_OK):
        yield StationCheck(
            topic=Topic.CONFIGURATION,
            level=CheckLevel.WARNING,
            seen=f"{folder}: this account cannot write here, so the service cannot remember archives and watch folders",
            advice=f"give the service's account the right to write in {folder}",
        )
    used = sum(each.enabled for each in station.converters)
    if not used:
        yield StationCheck(
            topic=Topic.CONFIGURATION,
            level=CheckLevel.WARNING,
            seen=f"{station.path}: no converter is enabled, so nothing is converted or archived",
            advice="enable a converter, or name another configuration with --config",
        )
    elif not doubtful:
        seen = f"{station.path}: {used} converter{'s' * (used != 1)} enabled"
        yield StationCheck(topic=Topic.CONFIGURATION, seen=seen)


def check_secrets(
    station: StationConfig, exposed: Sequence[str], *, group_of: Callable[[Path], str | None] = group_who_may_read
) -> Iterator[StationCheck]:
    """Yield a check for each file with secrets that others may read, or this account may not, or one that all is well."""
    for line in exposed:
        yield StationCheck(topic=Topic.SECRETS, level=CheckLevel.WARNING, seen=line)
    keys = [
        each
        for each in (station.path.parent / name for name in (KEY_FILE, SIGNING_KEY, IDENTITY_FILE))
        if each.exists()
    ]
    unreadable = [each for each in keys if not os.access(each, os.R_OK)]
    for key in unreadable:
        yield StationCheck(
            topic=Topic.SECRETS,
            level=CheckLevel.FAILED,
            seen=f"{key}: this account cannot read the station's key",
            advice="run doctor under the service's account, or give that account the right to read the key",
        )
    if not unreadable and not exposed:
        yield StationCheck(topic=Topic.SECRETS, seen=_readers([station.path, *keys], group_of))


def _readers(paths: Sequence[Path], group_of: Callable[[Path], str | None]) -> str:
    """Say who can read the files: the group of a file is trusted, and is named."""
    groups: dict[str, str | None] = {}
    for path in paths:
        groups[path.name] = None
        with suppress(OSError):  # it is missing, which another check says
            groups[path.name] = group_of(path)
    alone = [name for name, group in groups.items() if group is None]
    closed = [f"no other account can read {listed(alone)}"] if alone else []
    return ", and ".join(
        [*closed, *(f"the group '{group}' can read {name}" for name, group in groups.items() if group)]
    )
