"""The part of a plan that concerns one archive: what was tried of it, and with which code. Its station applies it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ItemState
from pywats_archive.models.plant.replay import PlantReplay
from pywats_archive.plant.replaying import code as packing
from pywats_archive.plant.replaying.records import keys, results
from pywats_archive.plant.replaying.records import plan as plans
from pywats_archive.vault.store import Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanPart:
    """What a replay tried of one archive."""

    plan: PlantReplay
    archive_ids: tuple[str, ...]
    """The entries that were converted."""
    untried: int
    """Number of entries that were skipped."""


def part_of(vault: Vault, run: str, archive_uuid: str) -> PlanPart:
    """Return the part of an archive; UnknownRun, or UsageError if there is none, or if some of it has no result yet."""
    plan = plans.load(vault, run)
    own = [each.key for each in plans.segments(vault, run) if each.key.startswith(f"{archive_uuid}/")]
    if not own:
        raise UsageError(f"replay {run} has no source of the archive {archive_uuid}")
    has_result = plans.with_result(vault, run, archive_uuid)
    if left := sum(key not in has_result for key in own):
        raise UsageError(
            f"replay {run}: {left} of {len(own)} segments of this archive have no result yet; "
            f"'plant replay resume {run}' replays them"
        )
    tried = dict[str, None]()
    untried = 0
    for result in results.stored(vault, run, archive_uuid):
        tried |= {item.archive_id: None for item in result.items if item.state is ItemState.DONE}
        untried += sum(item.state is ItemState.SKIPPED for item in result.items)
    return PlanPart(plan=plan, archive_ids=tuple(tried), untried=untried)


def laid_out(vault: Vault, plan: PlantReplay, folder: Path) -> str | None:
    """Write the code of a plan into an empty folder, and return it as ``FILE:CLASS``; None if it is an installed package's.

    VaultError if the code in the vault is not what the plan names.
    """
    if plan.code.distribution:
        return None
    content = vault.get(keys.code_key(plan.run, plan.code.fingerprint))
    return f"{packing.unpack(content, plan.code, folder)}:{plan.code.class_name}"
