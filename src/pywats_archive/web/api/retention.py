"""Policies, purges and holds in JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pywats_archive.errors import UsageError
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Hold, Purge
from pywats_archive.retention.station import InForce
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.station import station_of, user_of

router = api_router(needs(Action.READ))


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionState:
    """The policies in force, the latest purges, newest first, and all holds."""

    policies: list[dict[str, Any]]
    purges: tuple[Purge, ...]
    holds: tuple[Hold, ...]


class PolicyChange(BaseModel):
    """The values of a policy that change; the others stay."""

    model_config = ConfigDict(extra="forbid")

    converter_name: str
    changes: dict[str, int | float | bool | None] = Field(default_factory=dict)
    confirmed: bool = False
    """Set the policy although it purges more than a fifth at once."""


class PolicyReset(BaseModel):
    """Whose policy is removed."""

    model_config = ConfigDict(extra="forbid")

    converter_name: str
    confirmed: bool = False
    """Although more than a fifth is purged at once."""


class HoldReason(BaseModel):
    """Why an entry is held."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000)


@router.get("/retention")
def retention(request: Request) -> RetentionState:
    """Return the policies in force, the latest purges and all holds."""
    found = station_of(request).client.retention
    policies = [
        {
            "converter_name": each.policy.converter_name,
            **each.policy.as_details(),
            "archive": each.archive,
            "is_own": each.is_own,
            "differences": each.differences,
        }
        for each in found.policies()
    ]
    return RetentionState(policies=policies, purges=found.history(), holds=found.holds())


@router.post("/retention/plan", dependencies=[needs(Action.PREVIEW)])
def plan(request: Request, change: PolicyChange) -> list[dict[str, Any]]:
    """Return what a changed policy would purge now, for each converter that it applies to; changes nothing."""
    client = station_of(request).client
    return [
        {
            "converter_name": each.converter_name,
            "entries": each.entries,
            "disk_size_bytes": each.disk_size_bytes,
            "purged": each.purged,
            "bytes_freed": each.bytes_freed,
            "kept": each.kept,
            "over_bytes": each.over_bytes,
            "is_large": each.is_large,
        }
        for each in client.retention.effects(_changed(client.retention.policy(change.converter_name), change))
    ]


@router.post("/retention/policy", dependencies=[needs(Action.POLICY)])
def set_policy(request: Request, change: PolicyChange) -> RetentionPolicy:
    """Set a policy and return it; 409 if it purges more than a fifth at once, unless ``confirmed``."""
    found = station_of(request).client.retention
    policy = _changed(found.policy(change.converter_name), change)
    found.set_policy(policy, actor=user_of(request), confirmed=change.confirmed)
    return policy


@router.get("/retention/policies")
def policies(request: Request) -> tuple[InForce, ...]:
    """Return the policy of each converter, and that of all others, archive by archive."""
    return station_of(request).client.retention.policies()


@router.get("/retention/policy")
def policy(request: Request, converter: Annotated[str, Query(min_length=1)]) -> RetentionPolicy:
    """Return the policy that holds for a converter."""
    return station_of(request).client.retention.policy(converter)


@router.post("/retention/policy/reset", status_code=204, dependencies=[needs(Action.POLICY)])
def reset_policy(request: Request, reset: PolicyReset) -> None:
    """Have a converter follow the policy of all others again; 409 as for setting one."""
    found = station_of(request).client.retention
    found.reset_policy(reset.converter_name, actor=user_of(request), confirmed=reset.confirmed)


@router.post("/entries/{archive_id}/hold", status_code=204, dependencies=[needs(Action.HOLD)])
def hold(request: Request, archive_id: str, why: HoldReason) -> None:
    """Keep an entry from every purge."""
    station_of(request).client.retention.hold([archive_id], why.reason, actor=user_of(request))


@router.post("/entries/{archive_id}/release", status_code=204, dependencies=[needs(Action.HOLD)])
def release(request: Request, archive_id: str) -> None:
    """Let an entry follow its policy again."""
    station_of(request).client.retention.release([archive_id], actor=user_of(request))


def _changed(policy: RetentionPolicy, change: PolicyChange) -> RetentionPolicy:
    unknown = set(change.changes) - set(policy.as_details())
    if unknown:
        known = ", ".join(policy.as_details())
        raise UsageError(f"'{min(unknown)[:80]}' is no value of a policy; there are {known}")
    try:
        return replace(policy, **change.changes)  # type: ignore[arg-type]
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
