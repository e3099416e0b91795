"""The half of ``Client.vault`` that ships archives into the vault, and restores them from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.account import require_owner
from pywats_archive.errors import WrongAccount
from pywats_archive.models.time import utc_now
from pywats_archive.models.vault.shipping import (
    Pushed,
    PushedArchive,
    RestoredArchive,
    VaultLag,
    VaultStatus,
    VerifiedCopy,
    VerifiedVault,
)

if TYPE_CHECKING:
    from pywats_archive.config.vault import VaultSettings
    from pywats_archive.models.operation.integrity import OnProgress
    from pywats_archive.models.operation.statistics import OpenAlert
    from pywats_archive.vault.store import Vault


class VaultShipping(ABC):
    """Ships the archives of a station, and restores one."""

    _archives: Callable[[], Sequence[Archive]]
    actor: str

    def status(self) -> VaultStatus:
        """Return how far the vault has each archive, without asking it; UsageError if there is no vault."""
        from pywats_archive.archive.alerts import open_alerts
        from pywats_archive.archive.replica import progress

        settings, now = self._settings(None), utc_now()
        found = []
        for archive in self._archives():
            lag = progress.lag(archive, settings.vault_url)
            age_s = (now - lag.oldest_at).total_seconds() if lag.oldest_at else 0.0
            found.append(
                VaultLag(
                    archive=str(archive.root),
                    last=lag.last,
                    newest=lag.newest,
                    events=lag.events,
                    size_bytes=lag.size_bytes,
                    minutes=round(max(0.0, age_s) / 60, 1),
                    late=age_s > settings.late_after.total_seconds(),
                    shipped_at=lag.shipped_at,
                    confirmed=lag.confirmed,
                    confirmed_at=lag.confirmed_at,
                    expected=lag.expected,
                    required=settings.vault_required,
                    overdue=settings.vault_required and not progress.is_confirmed(archive, lag),
                    lacking=lag.lacking,
                    alerts=tuple(each for each in open_alerts(archive) if _is_on_copy(each, archive)),
                )
            )
        return VaultStatus(vault=settings.vault_url, archives=tuple(found))

    def push(self, *, on_progress: OnProgress | None = None) -> Pushed:
        """Ship all that waits, also beside a running service; durable in the vault once this returns.

        With ``vault_required``, the vault then confirms what it has. ``on_progress`` gets the number of shipped events, and of
        those that waited. AnotherHistory if the vault has other events of an archive.
        """
        from pywats_archive.vault import marker
        from pywats_archive.vault.opening import open_vault

        settings = self._settings(None)
        vault = open_vault(settings)
        marker.require(vault)  # a mistyped bucket or prefix may be one that others read
        return Pushed(vault=vault.url, archives=tuple(self._pushed(vault, settings, on_progress)))

    def _pushed(self, vault: Vault, settings: VaultSettings, on_progress: OnProgress | None) -> Iterator[PushedArchive]:
        from pywats_archive.archive.replica import progress
        from pywats_archive.replication.shipping import Shipping

        archives = self._archives()
        lags = [progress.lag(archive, vault.url) for archive in archives]
        before, total = 0, sum(lag.events for lag in lags)
        for archive, lag in zip(archives, lags, strict=True):
            require_owner(archive.root)
            if settings.vault_required:
                progress.require(archive, vault.url)
            shipping = Shipping(archive, vault, limit_bytes=settings.segment_bytes)
            segments = size = 0
            absent: dict[str, str] = {}
            for shipped in shipping.ship_all():
                if shipped.is_new:
                    segments, size = segments + 1, size + shipped.segment.size_bytes
                absent |= shipped.left_out
                if on_progress:
                    on_progress(before + max(0, min(shipped.segment.last, lag.newest) - lag.last), total)
            before += lag.events
            if settings.vault_required and _is_to_confirm(archive, vault.url):
                shipping.confirm()
            now = progress.lag(archive, vault.url)
            yield PushedArchive(
                archive=str(archive.root),
                segments=segments,
                size_bytes=size,
                last=now.last,
                confirmed=now.confirmed if settings.vault_required else None,
                expected=now.expected if settings.vault_required else None,
                absent=absent,
            )

    def verify(self, *, sample_percent: float = 100.0, seed: str = "", repair: bool = False) -> VerifiedVault:
        """Check the segments of each archive in the vault, and compare their history with that of the archive.

        Of the segments, ``sample_percent`` are read from end to end, chosen again for each ``seed``; of the others only the
        descriptions. Nothing in the vault is replaced. With ``repair``, damaged and missing objects are copied again, as far as
        the archive still has them. The archive notes what was found, unless it belongs to another account or is read-only.
        VaultError if the place is no vault.
        """
        from pywats_archive.replication.verifying import Verifying
        from pywats_archive.vault import marker
        from pywats_archive.vault.opening import open_vault

        settings = self._settings(None)
        vault, found = open_vault(settings, tries_again=True), []
        marker.require(vault)  # an emptied bucket gets no repairs, and its segments are not noted as damaged one by one
        for archive in self._archives():
            if repair:
                require_owner(archive.root)
            verifying = Verifying(
                archive,
                vault,
                sample_percent=sample_percent,
                seed=seed,
                repairs=repair,
                notes=_is_writable(archive),
                limit_bytes=settings.segment_bytes,
            )
            checked = list(verifying.segments())
            found.append(
                VerifiedCopy(
                    archive=str(archive.root),
                    segments=len(checked),
                    files=sum(each.files for each in checked),
                    last=max((each.last for each in checked), default=0),
                    problems=tuple(problem for each in checked for problem in each.problems),
                    repaired=tuple(line for each in checked for line in each.repaired),
                )
            )
        return VerifiedVault(vault=vault.url, archives=tuple(found))

    def restore(
        self,
        target: Path | str,
        *,
        url: str | None = None,
        archive_uuid: str | None = None,
        until: date | datetime | None = None,
        on_progress: OnProgress | None = None,
    ) -> RestoredArchive:
        """Restore an archive whole, with its uuid and history, into a folder that is empty or does not exist.

        ``url``: by default ``vault_url``. ``archive_uuid`` names one of several archives. ``until``: as it was at the end of
        the last segment that ended by then. ``on_progress`` gets the number of segments. UsageError if there is nothing to
        restore.
        """
        from pywats_archive.replication.restoring import restore
        from pywats_archive.vault.opening import open_vault

        return restore(
            open_vault(self._settings(url), tries_again=True),
            arguments.path(target, "target"),
            actor=self.actor,
            archive_uuid=None if archive_uuid is None else arguments.text(archive_uuid, "archive_uuid"),
            until=None if until is None else arguments.last_moment(until, "until"),
            on_progress=on_progress,
        )

    @abstractmethod
    def _settings(self, url: str | None) -> VaultSettings:
        """Return the settings of the station, with another address if one is named."""


def _is_to_confirm(archive: Archive, url: str) -> bool:
    """Whether to ask the vault: not if only its last confirmation, which is an event too, was copied since."""
    from pywats_archive.archive.replica import progress

    return progress.is_confirmation_due(archive) or progress.has_unconfirmed(archive, url)


def _is_writable(archive: Archive) -> bool:
    """Whether this account may write into an archive."""
    if archive.is_read_only:
        return False
    try:
        require_owner(archive.root)
    except WrongAccount:
        return False
    return True


def _is_on_copy(alert: OpenAlert, archive: Archive) -> bool:
    return alert.name.startswith("vault.") and alert.subject == str(archive.root)
