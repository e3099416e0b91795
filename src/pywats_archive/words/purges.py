"""Purges as sentences."""

from __future__ import annotations

from pywats_archive.models.retention.purge import PurgePlan
from pywats_archive.words.sizes import human_size


def effect(plan: PurgePlan) -> str:
    """Return one line that says what a plan purges and what it cannot purge."""
    by = ", ".join(f"{number} for {reason.value}" for reason, number in plan.purged.items())
    line = f"{plan.converter_name}: {plan.purged_entries} of {plan.entries} entries would be purged"
    line += f" ({by}), {human_size(plan.bytes_freed)} of {human_size(plan.disk_size_bytes)}" if by else ""
    if plan.kept:
        line += "; kept: " + ", ".join(f"{number} {why.value}" for why, number in plan.kept.items())
    return line + (f"; {human_size(plan.over_bytes)} above its size limit" if plan.over_bytes else "")
