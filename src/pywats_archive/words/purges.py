"""Purges as sentences."""

from __future__ import annotations

from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import PurgePlan
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import counted


def limits(policy: RetentionPolicy) -> str:
    """Say how long and how much a policy keeps."""
    if not policy.enabled:
        return "everything is kept, for ever"
    return (
        f"{policy.retention_days} days, failed ones {policy.days_for(failed=True)}, at most {policy.max_size_gb:g} GB"
    )


def effect(plan: PurgePlan) -> str:
    """Return one line that says what a plan purges and what it cannot purge."""
    by = ", ".join(f"{number} for {reason.value}" for reason, number in plan.purged.items())
    line = (
        f"{plan.converter_name}: {plan.purged_entries} of {counted(plan.entries, 'entry', 'entries')} would be purged"
    )
    line += f" ({by}), {human_size(plan.bytes_freed)} of {human_size(plan.disk_size_bytes)}" if by else ""
    if plan.kept:
        line += "; kept: " + ", ".join(f"{number} {why.value}" for why, number in plan.kept.items())
    return line + (f"; {human_size(plan.over_bytes)} above its size limit" if plan.over_bytes else "")
