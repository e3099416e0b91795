"""What a siege came to in the vault: every event and file once, and an archive that comes back equal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.replica import progress
from pywats_archive.host.settings.groups import read_vault_settings
from pywats_archive.replication.fetching import segment_keys, whole_segment
from pywats_archive.vault.opening import open_vault
from tests.station import Station
from tests.vaulted import blobs, rows

_BLOBS = (layout.SOURCES, layout.REPORTS, layout.CONVERTERS)
_NEVER = (("service.log", "holds other events"), ("pushes.txt", "holds other events"), ("pushes.txt", "Traceback"))
"""What is never said: nobody else ships this archive."""


def vault_faults(station: Station, folder: Path) -> Iterator[str]:
    """Ship the rest, then name whatever is lost, double, damaged or different in the vault; restores it into ``folder``."""
    config, root = station.root / "config.json", station.archive_root
    with Client.from_config(config) as client:
        for _ in range(2):  # the confirmation of the first one is an event, too
            client.vault.push()
        (lag,) = client.vault.status().archives
        (checked,) = client.vault.verify().archives
        done = client.vault.restore(folder)
    yield from (f"the vault: {problem}" for problem in (*checked.problems, *done.problems, *done.absent))
    if lag.events:
        yield f"the vault lacks {lag.events} events after a push"
    yield from _twice(config, root, lag.newest)
    yield from _differences(root, folder)
    yield from (f"{name} says '{text}'" for name, text in _NEVER if text in _said(station.root / name))


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _twice(config: Path, root: Path, newest: int) -> Iterator[str]:
    """Each event and each blob is in one segment."""
    vault, numbers, held = open_vault(read_vault_settings(config)), Counter[int](), Counter[str]()
    with Archive.open(root) as archive:
        chain, uuid = progress.chain_of(archive) or "", archive.description.archive_uuid
    for key in segment_keys(vault, uuid, chain):
        segment = whole_segment(vault, key)
        lines = map(json.loads, segment.rows())
        numbers.update(line["row"]["sequence"] for line in lines if line["table"] == "events")
        held.update(path for path in segment.files if path.partition("/")[0] in _BLOBS)
    if numbers != Counter(range(1, newest + 1)):
        yield f"the vault has {len(numbers)} events of {newest}, and {sum(n > 1 for n in numbers.values())} twice"
    yield from (f"the vault has {path} {number} times" for path, number in held.items() if number > 1)


def _differences(root: Path, folder: Path) -> Iterator[str]:
    """The restored archive has the same rows and blobs, and one event more."""
    was, made = rows(root), rows(folder)
    extra = made["events"][len(was["events"]) :]
    made["events"] = made["events"][: len(was["events"])]
    yield from (f"the restored archive has other rows in {name}" for name in was if was[name] != made.get(name))
    if len(extra) != 1:
        yield f"the restored archive has {len(extra)} events of its own"
    before, after = blobs(root), blobs(folder)
    different = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    yield from (f"the restored archive has another {path}" for path in different)
