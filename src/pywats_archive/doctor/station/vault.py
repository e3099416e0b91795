"""The vault: whether it can be reached, stores each object once, and lets the station remove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from pywats_archive.archive.folder.description import read_description
from pywats_archive.config.vault import VaultSettings
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.errors import ArchiveError, VaultAway, VaultClockOff
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.proof import Proof, prove
from pywats_archive.vault.store import Vault


def check_vault(
    settings: VaultSettings, roots: Sequence[Path], *, opened: Callable[[VaultSettings], Vault] = open_vault
) -> Iterator[StationCheck]:
    """Yield what the vault does with objects of a trial, which stay there if they cannot be removed."""
    found = [description.archive_uuid for root in roots if (description := read_description(root))]
    try:
        vault = opened(settings)
        marker.require(vault)
        yield rate(settings, prove(vault, found[0] if found else str(uuid4())))
    except VaultAway as exc:
        yield _check(settings, CheckLevel.WARNING, str(exc), "the station goes on; what waits is copied later")
    except VaultClockOff as exc:
        yield _check(settings, CheckLevel.FAILED, str(exc), "set the clock of this computer by a time server")
    except ArchiveError as exc:
        yield _check(settings, CheckLevel.FAILED, str(exc))


def rate(settings: VaultSettings, proof: Proof) -> StationCheck:
    """Decide by a trial how far the vault can be trusted. Pure."""
    if proof.replaces:
        seen = "replaces objects: a second one under a key took the place of the first, so the vault is not used"
        return _check(settings, CheckLevel.FAILED, seen, "use a server with conditional writes (If-None-Match)")
    if proof.is_racy:
        seen = "replaces objects that arrive at once: more than one writer succeeded under one key, so it is not safe"
        return _check(settings, CheckLevel.FAILED, seen, "update the server, or use another one")
    if not proof.reads_back:
        seen = "returned other bytes than were stored, so the vault is not used"
        return _check(settings, CheckLevel.FAILED, seen, "check the server, and any proxy before it")
    if not proof.may_remove and proof.locked_until:
        seen = "full: each object is stored once, is locked, and cannot be removed by this station"
        return _check(settings, CheckLevel.OK, seen)
    if not proof.may_remove:
        seen = "good: each object is stored once, and this station can remove none; no lock is seen"
        return _check(
            settings, CheckLevel.OK, seen, "give the bucket a default retention; a key may not see that it has one"
        )
    if settings.folder:
        seen = "good: each object is stored once; this account can remove files, as it can in most folders"
        return _check(settings, CheckLevel.OK, seen, "turn snapshots on at the file server")
    seen = "good, not full: each object is stored once, but this key may delete objects"
    return _check(settings, CheckLevel.WARNING, seen, "give the key the policy that 'pywats-archive vault init' prints")


def _check(settings: VaultSettings, level: CheckLevel, seen: str, advice: str = "") -> StationCheck:
    return StationCheck(topic=Topic.VAULT, subject=settings.vault_url, level=level, seen=seen, advice=advice)
