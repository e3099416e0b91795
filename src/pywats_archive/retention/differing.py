"""Policies that differ between archive and configuration: the values, and how to make them agree."""

from __future__ import annotations

from collections.abc import Collection

from pywats_archive.config.keys import RETENTION_KEYS
from pywats_archive.models.retention.configured import Difference

_KEYS = {name: key for key, name in RETENTION_KEYS.items()}


def describe(found: Collection[Difference], *, is_compliant: bool = False) -> str:
    """Return one line that says what differs, and what to do; why depends on whether the archive is compliant."""
    each = ", ".join(f"{_KEYS[one.name]} {one.configured} (in force: {one.in_force})" for one in found)
    if is_compliant:
        return (
            f"config.json says {each}, but the archive is compliant: retention can only grow. Write the values in force into "
            "config.json"
        )
    return (
        f"config.json says {each}, but the policy was set later by command. Write the values in force into config.json, or "
        "set those of config.json with 'pywats-archive policy set'"
    )
