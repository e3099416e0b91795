"""A configuration's policy compared with the catalog's: the last change wins, wherever it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pywats_archive.models.retention.policy import RetentionPolicy

CONFIGURATION = "configuration"
"""The actor of what a configuration changes."""
Said = Mapping[str, Any]
"""The values that a configuration states explicitly, by their names in a policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A configured value that the archive does not apply."""

    name: str
    """As in a policy, such as ``max_size_gb``."""
    configured: Any
    """The value in the configuration."""
    in_force: Any
    """The value that applies."""


def changes(seen: Said, said: Said) -> dict[str, Any]:
    """Return what the configuration says now and did not say when last seen."""
    return {name: value for name, value in said.items() if name not in seen or seen[name] != value}


def applied(policy: RetentionPolicy, changed: Said) -> RetentionPolicy:
    """Return a policy with the changed values; failed entries are kept at least as long as others."""
    values = {**policy.as_details(), **changed}
    failed = values["failed_retention_days"]
    if failed is not None:
        values["failed_retention_days"] = max(failed, values["retention_days"])
    return replace(policy, **values)


def is_shrinking(before: RetentionPolicy, after: RetentionPolicy) -> bool:
    """Whether ``after`` may purge anything that stays under ``before``."""
    if not after.enabled:
        return False
    return (
        not before.enabled
        or any(after.days_for(failed=failed) < before.days_for(failed=failed) for failed in (False, True))
        or after.max_size_gb < before.max_size_gb
        or after.min_entries < before.min_entries
        or after.min_days < before.min_days
        or (after.purge_unsubmitted and not before.purge_unsubmitted)
    )


def grown(before: RetentionPolicy, after: RetentionPolicy) -> RetentionPolicy:
    """Return ``after`` with each value that would keep less replaced by that of ``before``."""
    days = max(before.retention_days, after.retention_days)
    failed_days = max(before.days_for(failed=True), after.days_for(failed=True))
    larger = replace(
        after,
        enabled=before.enabled and after.enabled,
        retention_days=days,
        failed_retention_days=None,
        max_size_gb=max(before.max_size_gb, after.max_size_gb),
        min_entries=max(before.min_entries, after.min_entries),
        min_days=max(before.min_days, after.min_days),
        purge_unsubmitted=before.purge_unsubmitted and after.purge_unsubmitted,
    )
    is_default = larger.days_for(failed=True) == failed_days
    return larger if is_default else replace(larger, failed_retention_days=failed_days)


def differences(policy: RetentionPolicy, said: Said) -> tuple[Difference, ...]:
    """Return where the policy in force differs from the configuration, in the order of the policy's values."""
    return tuple(
        Difference(name=name, configured=said[name], in_force=value)
        for name, value in policy.as_details().items()
        if name in said and said[name] != value
    )
