"""Policies, purges and holds of a station over the network."""

from __future__ import annotations

from pywats_archive.client.remote.calls import asked, streamed, value_of
from pywats_archive.client.remote.wire import Wire
from pywats_archive.errors import UsageError
from pywats_archive.models.retention.compliance import Approval
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Decision, Hold, Purge, PurgePlan, PurgeStatistics
from pywats_archive.retention.station import ClockState, InForce, StationRetention


class RemoteRetention(StationRetention):
    """``Client.retention`` of a station over the network."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    policies = asked(StationRetention.policies, "GET /retention/policies", tuple[InForce, ...])
    policy = asked(StationRetention.policy, "GET /retention/policy", RetentionPolicy)
    reset_policy = asked(StationRetention.reset_policy, "POST /retention/policy/reset", type(None))
    preview = streamed(StationRetention.preview, "GET /purges/preview", tuple[str, Decision])
    plans = asked(StationRetention.plans, "GET /purges/plans", tuple[PurgePlan, ...])
    enforce = asked(StationRetention.enforce, "POST /purges", tuple[PurgeStatistics, ...])
    clocks = asked(StationRetention.clocks, "GET /clocks", tuple[ClockState, ...])
    confirm_clock = asked(StationRetention.confirm_clock, "POST /clocks/confirm", type(None))
    preview_named = streamed(StationRetention.preview_named, "POST /purges/preview", tuple[str, Decision])
    purge_named = asked(StationRetention.purge_named, "POST /purges/entries", tuple[PurgeStatistics, ...])
    finish_unfinished = asked(StationRetention.finish_unfinished, "POST /purges/finish", tuple[PurgeStatistics, ...])
    history = asked(StationRetention.history, "GET /purges", tuple[Purge, ...])
    hold = asked(StationRetention.hold, "POST /holds", type(None))
    release = asked(StationRetention.release, "POST /holds/release", type(None))
    approvals = asked(StationRetention.approvals, "GET /approvals", tuple[Approval, ...])
    approve = asked(StationRetention.approve, "POST /approvals/{number}", Approval)
    holds = asked(StationRetention.holds, "GET /holds", tuple[Hold, ...])

    def set_policy(self, policy: RetentionPolicy, *, actor: str | None = None, confirmed: bool = False) -> None:
        """Set a policy; NeedsConfirmation when it would purge more than a fifth at once, unless ``confirmed``."""
        if actor is not None:
            raise UsageError("actor: over the network, the history records the name of the token's user; leave it out")
        self._wire.ask("POST", "/retention/policy", body={**_changes(policy), "confirmed": confirmed})

    def effects(self, policy: RetentionPolicy) -> tuple[PurgePlan, ...]:
        """Return what a policy would purge now, for each converter that it would apply to."""
        found = self._wire.ask("POST", "/retention/plan", body=_changes(policy))
        return value_of(self._wire, tuple[PurgePlan, ...], found)


def _changes(policy: RetentionPolicy) -> dict[str, object]:
    return {"converter_name": policy.converter_name, "changes": policy.as_details()}
