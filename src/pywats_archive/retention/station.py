"""Policies, purges and holds over all archives of a station, for the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive import arguments, purging
from pywats_archive.archive import holds as legal_holds
from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.errors import NeedsConfirmation, UnknownEntry, UsageError
from pywats_archive.models.retention.compliance import Act, Approval
from pywats_archive.models.retention.configured import Difference
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.retention.purge import Decision, Hold, Purge, PurgePlan, PurgeStatistics
from pywats_archive.retention import enforcing
from pywats_archive.retention.plan import named


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """The policy that holds for a converter, or for all others (``*``)."""

    policy: RetentionPolicy
    is_own: bool
    """False if it is the policy of all other converters."""
    archive: str
    differences: tuple[Difference, ...] = ()
    """Where the configuration differs."""
    is_compliant: bool = False
    """Whether the archive is compliant, so that the policy can only grow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockState:
    """An archive's trust in the clock: ``doubt`` says why nothing may be purged by age; None while the clock is trusted."""

    archive: str
    """Folder of the archive."""
    clock: datetime
    """What the clock shows."""
    doubt: str | None
    """Why the clock is doubted; None while it is trusted."""


class StationRetention:
    """Covers every archive that knows a converter; errors name the archive.

    The history has ``actor`` for what is done, unless a method gets another name.
    """

    def __init__(
        self,
        archives: Sequence[Archive],
        require_converter: Callable[[str], None],
        required_vault: Callable[[], str | None],
        *,
        actor: str,
    ) -> None:
        self._archives = archives
        self._required_vault = required_vault
        self._actor = actor
        self._require_converter = require_converter

    def policies(self) -> tuple[InForce, ...]:
        """Return the policy of each converter, and that of all others, archive by archive."""
        found = []
        for archive in self._archives:
            own = {policy.converter_name for policy in archive.policies.all_own()}
            for name in sorted({EVERY_OTHER, *own, *archive.converter_names()}):
                policy = archive.policies.effective(name)
                differences = archive.policies.differences(name)
                found.append(
                    InForce(
                        policy=policy,
                        is_own=name in own,
                        archive=str(archive.root),
                        differences=differences,
                        is_compliant=archive.is_compliant,
                    )
                )
        return tuple(found)

    def policy(self, converter_name: str) -> RetentionPolicy:
        """Return the policy that holds for a converter."""
        return self._of(converter_name)[0].policies.effective(converter_name)

    def set_policy(self, policy: RetentionPolicy, *, actor: str | None = None, confirmed: bool = False) -> None:
        """Set a policy; NeedsConfirmation when it would purge more than a fifth at once, unless ``confirmed``."""
        archives = self._of(policy.converter_name)
        if not confirmed:
            for intended in self.effects(policy):
                if intended.is_large:
                    raise NeedsConfirmation(_large(intended))
        for archive in archives:
            archive.policies.set(policy, actor=actor or self._actor, confirmed=True)

    def reset_policy(self, converter_name: str, *, actor: str | None = None, confirmed: bool = False) -> None:
        """Have a converter follow the policy of all others again; NeedsConfirmation as for setting one."""
        for archive in self._of(converter_name):
            other = replace(archive.policies.effective(EVERY_OTHER), converter_name=converter_name)
            intended = enforcing.preview_plan(archive, other)
            if intended.is_large and not confirmed:
                raise NeedsConfirmation(_large(intended))
            archive.policies.reset(converter_name, actor=actor or self._actor)

    def effects(self, policy: RetentionPolicy) -> tuple[PurgePlan, ...]:
        """Return what a policy would purge now, for each converter that it would apply to."""
        found = []
        for archive in self._of(policy.converter_name):
            names = archive.policies.ruled_by(policy.converter_name)
            found += [enforcing.preview_plan(archive, replace(policy, converter_name=name)) for name in names]
        return tuple(found)

    def preview(self, converter_name: str | None = None) -> Iterator[tuple[str, Decision]]:
        """Yield what the current policies would purge and keep now, each with its converter's name."""
        for archive, name in self._pairs(converter_name):
            for decision in enforcing.preview(archive, archive.policies.effective(name)):
                yield name, decision

    def plans(self, converter_name: str | None = None) -> tuple[PurgePlan, ...]:
        """Summarize what the current policies would purge and keep now, by converter."""
        pairs = self._pairs(converter_name)
        return tuple(enforcing.preview_plan(archive, archive.policies.effective(name)) for archive, name in pairs)

    def enforce(self, converter_name: str | None = None, *, actor: str | None = None) -> tuple[PurgeStatistics, ...]:
        """Purge by the current policies, at a person's request: even more than a fifth at once."""
        _require(self._required_vault(), self._archives)
        done = []
        for archive, name in self._pairs(converter_name):
            policy = archive.policies.effective(name)
            is_agreed = _require_agreed(archive, policy, actor or self._actor)
            done.append(enforcing.enforce(archive, policy, actor=actor or self._actor, confirmed=True))
            if is_agreed and not archive.policies.is_confirmed(name):
                archive.policies.confirm(name, actor=actor or self._actor)
        return tuple(done)

    def clocks(self) -> tuple[ClockState, ...]:
        """Return each archive's trust in the clock, as far as it is known without the server."""
        found = []
        for archive in self._archives:
            doubt = enforcing.trust_in(archive).doubt
            found.append(ClockState(archive=str(archive.root), clock=archive.now(), doubt=doubt))
        return tuple(found)

    def confirm_clock(self, *, actor: str | None = None) -> None:
        """Make every archive trust the current clock, because a person confirmed it; durable once this returns."""
        for archive in self._archives:
            enforcing.confirm_clock(archive, actor=actor or self._actor)

    def preview_named(self, archive_ids: Sequence[str], *, unsubmitted: bool = False) -> Iterator[tuple[str, Decision]]:
        """Yield the decision for each named entry; UnknownEntry is raised first."""
        for archive, ids in self._by_archive(archive_ids):
            names = purging.converters_of(archive, ids)
            for decision in named(purging.candidates_named(archive, ids), unsubmitted=unsubmitted):
                yield names[decision.archive_id], decision

    def purge_named(
        self,
        archive_ids: Sequence[str],
        *,
        actor: str | None = None,
        unsubmitted: bool = False,
        even_damaged: bool = False,
    ) -> tuple[PurgeStatistics, ...]:
        """Purge named entries; those held, pending or not submitted stay, and are counted."""
        _require(self._required_vault(), self._archives)
        return tuple(
            enforcing.purge_named(
                archive, ids, actor=actor or self._actor, unsubmitted=unsubmitted, even_damaged=even_damaged
            )
            for archive, ids in self._by_archive(archive_ids)
        )

    def finish_unfinished(self) -> tuple[PurgeStatistics, ...]:
        """Try again to remove files that earlier purges could not remove."""
        return tuple(filter(None, map(enforcing.finish_unfinished, self._archives)))

    def history(self, limit: int = 100) -> tuple[Purge, ...]:
        """Return the latest purges, newest first."""
        found = [purge for archive in self._archives for purge in purging.history(archive, limit)]
        return tuple(sorted(found, key=lambda purge: purge.purge_timestamp, reverse=True)[:limit])

    def hold(self, archive_ids: Sequence[str], reason: str, *, actor: str | None = None) -> None:
        """Keep entries from every purge until they are released; UnknownEntry comes before any is held."""
        for archive, ids in self._by_archive(archive_ids):
            for archive_id in ids:
                legal_holds.hold(archive, archive_id, reason, actor=actor or self._actor)

    def release(self, archive_ids: Sequence[str], *, actor: str | None = None) -> None:
        """Release holds, so that policies apply to the entries again."""
        for archive, ids in self._by_archive(archive_ids):
            legal_holds.release(archive, ids, actor=actor or self._actor)

    def approvals(self) -> tuple[Approval, ...]:
        """Return the requests of compliant archives that a second person may approve, and those approved and not used."""
        return tuple(each for archive in self._archives for each in approvals.requests(archive))

    def approve(self, number: int, archive: Path | str | None = None, *, actor: str | None = None) -> Approval:
        """Approve a request of another person; ComplianceRefused for one's own. ``archive``: if several have this number."""
        known = arguments.whole(number, "number")
        named = None if archive is None else str(arguments.path(archive, "archive").absolute())
        found = {each.archive for each in self.approvals() if each.number == known and named in (None, each.archive)}
        if len(found) != 1:
            several = f"is in {', '.join(sorted(found))}; name one with --archive"
            nothing = "does not wait for an approval; 'pywats-archive approve' lists what does"
            raise UsageError(f"request {known} {several if found else nothing}")
        (of,) = (each for each in self._archives if str(each.root) in found)
        return approvals.approve(of, known, actor=actor or self._actor)

    def holds(self) -> tuple[Hold, ...]:
        """Return the holds."""
        return tuple(hold for archive in self._archives for hold in legal_holds.holds(archive))

    def _of(self, converter_name: str) -> Sequence[Archive]:
        """Return the archives that know a converter; all if none does yet."""
        if converter_name == EVERY_OTHER:
            return self._archives
        self._require_converter(converter_name)
        return [a for a in self._archives if converter_name in a.converter_names()] or self._archives

    def _pairs(self, converter_name: str | None) -> Iterator[tuple[Archive, str]]:
        if converter_name:
            self._require_converter(converter_name)
        for archive in self._archives:
            names = archive.converter_names()
            yield from ((archive, name) for name in names if converter_name in (None, name))

    def _by_archive(self, archive_ids: Sequence[str]) -> list[tuple[Archive, list[str]]]:
        found = [(archive, [each for each in archive_ids if archive.has(each)]) for archive in self._archives]
        known = {archive_id for _, ids in found for archive_id in ids}
        for archive_id in archive_ids:
            if archive_id not in known:
                raise UnknownEntry(f"no entry is called '{archive_id}'; 'pywats-archive list' shows the entries")
        return [(archive, ids) for archive, ids in found if ids]


def _large(intended: PurgePlan) -> str:
    return (
        f"the policy would purge {intended.purged_entries} of {intended.entries} entries of '{intended.converter_name}' at "
        "once, more than a fifth; look at them, then confirm it with --yes"
    )


def _require(vault: str | None, archives: Sequence[Archive]) -> None:
    """Obey ``vault_required`` from the moment it is written, whether a service has read it yet or not."""
    for archive in archives if vault else ():
        progress.require(archive, vault)


def _require_agreed(archive: Archive, policy: RetentionPolicy, actor: str) -> bool:
    """Whether a large purge may be carried out from now on; NeedsApproval if a compliant archive has a large one now."""
    name = policy.converter_name
    if not archive.is_compliant or archive.policies.is_confirmed(name):
        return True
    is_large = enforcing.preview_plan(archive, policy).is_large
    if is_large:
        approvals.require(archive, Act.PURGE, {"converter_name": name, "policy": policy.as_details()}, actor=actor)
    return is_large
