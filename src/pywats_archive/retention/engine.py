"""RetentionEngine: retention as the analysis names it, awaitable; each method is one line over a worker thread."""

from __future__ import annotations

from asyncio import to_thread

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive, Stored, archive_of
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import PurgeStatistics, SpaceEstimate
from pywats_archive.portable.user import current_actor
from pywats_archive.retention import enforcing


class RetentionEngine:
    """Enforces retention policies on an archive; a preview makes the same decisions."""

    def __init__(self, storage: Stored | Archive) -> None:
        """``storage`` is an ``ArchiveStorage``, or an archive that is open."""
        self._archive = archive_of(storage)

    async def enforce_policy(self, policy: RetentionPolicy, *, confirmed: bool | None = None) -> PurgeStatistics:
        """Purge entries older than the policy's days, then the oldest until the rest fits its size limit.

        Entries that are held, pending or not submitted stay, and are counted in ``kept``. NeedsConfirmation if more than a
        fifth would be purged at once and neither ``confirmed`` nor the archive's own policy allows it.
        """
        known = arguments.of_kind(policy, "policy", RetentionPolicy)
        return await to_thread(
            lambda: enforcing.enforce(self._archive, known, actor=current_actor(), confirmed=confirmed)
        )

    async def preview_purge(self, policy: RetentionPolicy) -> list[ArchiveEntry]:
        """Return the entries that ``enforce_policy`` would purge now, in its order."""
        return await to_thread(self._preview, policy)

    async def estimate_space_savings(self, policy: RetentionPolicy) -> SpaceEstimate:
        """Return how much ``enforce_policy`` would free now, and what prevents it from meeting a limit."""
        return await to_thread(enforcing.estimate, self._archive, policy)

    async def confirm_clock(self, *, actor: str | None = None) -> None:
        """Trust the current clock, because a person confirmed it, after a purge was refused for a doubtful clock."""
        await to_thread(lambda: enforcing.confirm_clock(self._archive, actor=actor or current_actor()))

    def _preview(self, policy: RetentionPolicy) -> list[ArchiveEntry]:
        going = (each.archive_id for each in enforcing.preview(self._archive, policy) if not each.obstacle)
        return [self._archive.entry(archive_id) for archive_id in going]
