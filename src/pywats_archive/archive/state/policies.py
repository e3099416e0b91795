"""The retention policies of an archive: initially from a converter's configuration, later from the catalog."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pywats_archive.archive.state.compliance import REFUSED, Compliance
from pywats_archive.catalog import configured, events, policies
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.models.event import Event
from pywats_archive.models.retention.compliance import Rule
from pywats_archive.models.retention.configured import (
    CONFIGURATION,
    Difference,
    Said,
    applied,
    changes,
    differences,
    grown,
    is_shrinking,
)
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.time import Clock

T = TypeVar("T")
Write = Callable[[Callable[[Connection], Any]], Any]
_KNOWN_FOR_S = 1.0
_AT_ONCE = 10_000
"""How many dates are updated in one transaction: some 50 ms."""


class Policies:
    """Reads and changes policies; safe to use from many threads and beside other processes that change them."""

    def __init__(self, catalog: Catalog, write: Write, clock: Clock, compliance: Compliance) -> None:
        self._catalog = catalog
        self._compliance = compliance
        self._write = write
        self._now = clock
        self._known: dict[str, tuple[float, RetentionPolicy]] = {}
        self._mutex = threading.Lock()

    def effective(self, converter_name: str) -> RetentionPolicy:
        """Return the policy that applies to a converter; another process's change is seen a second later."""
        now_s = time.monotonic()
        known = self._known.get(converter_name)
        if known and now_s - known[0] < _KNOWN_FOR_S:
            return known[1]
        with self._catalog.read() as db:
            policy = policies.effective(db, converter_name)
        with self._mutex:
            self._known = {**self._known, converter_name: (now_s, policy)}
        return policy

    def own(self, converter_name: str) -> RetentionPolicy | None:
        """Return a converter's own policy (``*``: the default policy), if one was set."""
        with self._catalog.read() as db:
            return policies.own(db, converter_name)

    def all_own(self) -> tuple[RetentionPolicy, ...]:
        """Return every policy that was set."""
        with self._catalog.read() as db:
            return policies.all_own(db)

    def is_confirmed(self, converter_name: str) -> bool:
        """Whether the policy that applies to a converter may purge more than a fifth at once."""
        with self._catalog.read() as db:
            return policies.is_confirmed(db, converter_name)

    def unconfirmed(self) -> tuple[str, ...]:
        """Return the names of the policies that nobody confirmed yet."""
        with self._catalog.read() as db:
            return policies.unconfirmed(db)

    def ruled_by(self, policy_name: str) -> tuple[str, ...]:
        """Return the converters with entries that a policy applies to (``*``: those without a policy of their own)."""
        with self._catalog.read() as db:
            return policies.ruled_by(db, policy_name)

    def confirm(self, converter_name: str, *, actor: str) -> None:
        """Allow the policy that applies to a converter to purge everything that it names."""

        def unit(tx: Connection) -> None:
            policies.confirm(tx, converter_name, now=self._now())
            self._append_event(tx, "policy.confirmed", actor, converter_name, {})

        self._write(unit)

    def seed(self, policy: RetentionPolicy) -> bool:
        """Store the configured policy, unless the catalog has one of that name; returns whether it did.

        If the default policy keeps everything, so does this one: a rebuilt catalog may not know what is held.
        """
        if self.own(policy.converter_name):
            return False

        def unit(tx: Connection) -> bool:
            if policies.own(tx, policy.converter_name):
                return False
            is_enabled = policy.enabled and (policies.own(tx, EVERY_OTHER) or policy).enabled
            is_first = not policies.has_entries(
                tx, policy.converter_name
            )  # there is nothing yet that it could purge at once
            wanted = replace(policy, enabled=is_enabled)
            if is_compliant and not is_first:
                wanted = _grown(tx, self._now(), policies.effective(tx, policy.converter_name), wanted)
            self._put(tx, wanted, actor=CONFIGURATION, confirmed=is_first)
            return True

        is_compliant = self._compliance.is_on
        taken: bool = self._write(unit)
        self._forget()
        self.follow()
        return taken

    def apply_configured(self, name: str, policy: RetentionPolicy | None, said: Said) -> bool:
        """Apply what the configuration says now and did not say when last seen; returns whether that changed a policy.

        A converter that is seen for the first time gets ``policy``, if given. Later the last change wins: a change of the
        configuration is applied, and what a person set after that stays. A change that keeps less waits for confirmation if
        it would purge more than a fifth at once.
        """
        with self._catalog.read() as db:
            seen = configured.said(db, name)
        if seen == said:
            return False
        if seen is None and (not said or (policy and self.seed(policy))):  # noted, so that a first key later counts
            self._write(lambda tx: configured.put(tx, name, said, now=self._now()))
            return bool(said)
        is_compliant = self._compliance.is_on
        changed: bool = self._write(lambda tx: self._apply(tx, name, said, is_compliant=is_compliant))
        self._forget()
        self.follow()
        return changed

    def differences(self, converter_name: str) -> tuple[Difference, ...]:
        """Return where the policy that applies to a converter differs from what the configuration said last."""
        with self._catalog.read() as db:
            said = configured.said(db, converter_name)
            return differences(policies.effective(db, converter_name), said) if said else ()

    def _apply(self, tx: Connection, name: str, said: Said, *, is_compliant: bool) -> bool:
        """Apply what changed in a configuration.

        If no version recorded what it said before, that is what it was seeded with, unless a person changed it since.
        """
        known = configured.said(tx, name)
        seen: Said = (configured.last_applied(tx, name) or said) if known is None else known
        configured.put(tx, name, said, now=self._now())
        before = policies.effective(tx, name)
        after = applied(before, changes(seen, said))
        if is_compliant:
            after = _grown(tx, self._now(), before, after)
        if after == before:
            return False
        is_agreed = not is_shrinking(before, after) and policies.is_confirmed(tx, name)
        confirmed = is_agreed or not policies.has_entries(tx, name)
        self._put(tx, after, actor=CONFIGURATION, confirmed=confirmed)
        return True

    def require_growing(self, policy: RetentionPolicy, *, actor: str) -> None:
        """Raise ComplianceRefused if a policy would keep less of a compliant archive than the one in force."""
        name = policy.converter_name
        if not self._compliance.is_on:
            return
        with self._catalog.read() as db:
            before = policies.effective(db, name)
        if is_shrinking(before, policy):
            advice = f"the policy of '{name}' must keep at least what the one in force keeps"
            wanted = policy.as_details()
            self._compliance.refuse(Rule.RETENTION, advice, actor=actor, converter_name=name, wanted=wanted)

    def set(self, policy: RetentionPolicy, *, actor: str, confirmed: bool) -> None:
        """Set a policy and update the dates of all its entries; an event records the policy before and after.

        ``confirmed``: it may purge more than a fifth at once. ComplianceRefused as for ``require_growing``.
        """
        self.require_growing(policy, actor=actor)
        self.carry_over(policy, actor=actor, confirmed=confirmed)

    def carry_over(self, policy: RetentionPolicy, *, actor: str, confirmed: bool = False) -> None:
        """Set a policy of the same archive's former catalog, or one that the rules allow."""
        self._write(lambda tx: self._put(tx, policy, actor=actor, confirmed=confirmed))
        self._forget()
        self.follow()

    def reset(self, converter_name: str, *, actor: str, is_former: bool = False) -> None:
        """Remove a converter's own policy, so that the default policy applies, and update the dates.

        ``is_former``: the same archive's former catalog had none. Else ComplianceRefused as for ``require_growing``.
        """
        before, inherited = self.own(converter_name), replace(self._inherited(), converter_name=converter_name)
        if before is None:
            return
        if not is_former:
            self.require_growing(inherited, actor=actor)

        def unit(tx: Connection) -> None:
            policies.remove(tx, converter_name)
            details = {"before": before.as_details(), "after": inherited.as_details()}
            self._append_event(tx, "policy.reset", actor, converter_name, details)

        self._write(lambda tx: policies.put(tx, inherited, now=self._now(), confirmed=False))
        self.follow()
        self._write(unit)
        self._forget()

    def follow(self) -> None:
        """Bring every date in line with its policy; resumes where a crash interrupted it."""
        with self._catalog.read() as db:
            behind = policies.unfollowed(db)
        for name in behind:
            while not self._write(partial(policies.follow, policy_name=name, count=_AT_ONCE)):
                pass

    def _inherited(self) -> RetentionPolicy:
        return self.own(EVERY_OTHER) or RetentionPolicy(converter_name=EVERY_OTHER)

    def _put(self, tx: Connection, policy: RetentionPolicy, *, actor: str, confirmed: bool) -> None:
        before = policies.own(tx, policy.converter_name)
        policies.put(tx, policy, now=self._now(), confirmed=confirmed)
        details = {"before": before.as_details() if before else None, "after": policy.as_details()}
        self._append_event(tx, "policy.changed", actor, policy.converter_name, details)

    def _append_event(self, tx: Connection, kind: str, actor: str, name: str, details: dict[str, Any]) -> None:
        events.append(tx, Event(kind=kind, at=self._now(), actor=actor, details={"converter_name": name, **details}))

    def _forget(self) -> None:
        with self._mutex:
            self._known = {}


def _grown(tx: Connection, now: datetime, before: RetentionPolicy, after: RetentionPolicy) -> RetentionPolicy:
    """Return what a configuration may change of a policy of a compliant archive; an event records what it may not."""
    allowed = grown(before, after)
    if allowed != after:
        details = {
            "rule": Rule.RETENTION.value,
            "converter_name": after.converter_name,
            "wanted": after.as_details(),
        }
        events.append(tx, Event(kind=REFUSED, at=now, actor=CONFIGURATION, details=details))
    return allowed
