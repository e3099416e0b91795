"""The archives of a station: each is opened and repaired at the start, and again after it was away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.presence import require_archive
from pywats_archive.archive.repair.rebuild import Rebuilding, repair
from pywats_archive.archive.repair.recover import recover
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveAway, ArchiveError
from pywats_archive.host.settings import state_file
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import LEDGER, Alerts
from pywats_archive.pipeline.mounts.mount import ArchiveMount

log = structlog.get_logger()

_BAD_ROWS = "these rows are skipped, and their sources stay where they are; 'pywats-archive verify' lists the rows"


class ArchivePool:
    """One mount for each archive folder, and the archives that this service owns.

    ``repair``: how to rebuild a missing or damaged catalog; without it, such a catalog raises CatalogDamaged.
    """

    def __init__(self, config_path: Path, alerts: Alerts, *, clock: Clock, repair: Rebuilding | None = None) -> None:
        self._config_path = config_path
        self._alerts = alerts
        self._now = clock
        self._repair = repair
        self._mounts: dict[Path, ArchiveMount] = {}

    def mount(self, root: Path) -> ArchiveMount:
        """Return the mount of an archive folder, available or not."""
        return self._mounts.setdefault(root, ArchiveMount(root))

    @property
    def mounts(self) -> Sequence[ArchiveMount]:
        """All mounts, with or without an open archive."""
        return tuple(self._mounts.values())

    @property
    def archives(self) -> Sequence[Archive]:
        """The open archives."""
        archives = [mount.archive for mount in self.mounts]  # read once: another thread may close one meanwhile
        return tuple(archive for archive in archives if archive)

    @contextmanager
    def lease(self, archive: Archive) -> Iterator[bool]:
        """Keep an archive open inside; yields whether it may be used."""
        with self.mount(archive.root).lease(archive) as may_use:
            yield may_use

    def attach(self, mount: ArchiveMount) -> Archive:
        """Return a mount's archive, opened for writing.

        ArchiveAway when a known archive is not available, AnotherArchive when another one has its place; nothing is created
        then. ArchiveInUse when another service owns it.
        """
        if mount.taken:
            raise mount.taken
        if mount.archive is None:
            mount.archive = archive = self._opened(mount.root)
            if bad := ledger.bad_open(archive):
                self._alerts.raise_alert(LEDGER, str(mount.root), rows=len(bad), first=bad[0], reason=_BAD_ROWS)
        mount.away = None
        return mount.archive

    def detach(self, mount: ArchiveMount) -> None:
        """Close a mount's archive, if it is open."""
        archive, mount.archive = mount.archive, None
        if archive:
            try:
                archive.close()
            except (OSError, ArchiveError) as exc:
                log.warning("archive.not_closed", root=str(mount.root), reason=str(exc))

    def close_unused(self) -> None:
        """Close the archives that no lane uses, if nothing waits in them and they have no lease."""
        for mount in self.mounts:
            with suppress(ArchiveError):
                archive = mount.archive
                if archive and not mount.is_used and mount.leases.is_idle and not ledger.is_any_waiting(archive):
                    self._alerts.close_archive(archive)
                    self.detach(mount)

    def set_minimum_free(self, station: StationConfig) -> None:
        """Apply ``min_free_gb`` and ``encryption`` of every converter that shares an archive."""
        for root in station.archive_roots():
            mount = self.mount(root)
            mount.disk.min_free_gb, mount.is_encrypted = station.min_free_gb(root), station.is_encrypted(root)

    def require_back(self, root: Path) -> None:
        """Raise ArchiveAway unless the known archive of ``root`` is available; an unknown one may be created."""
        if known := self.known.get(str(root)):
            self._require_known(root, known)

    @property
    def known(self) -> dict[str, str]:
        """The uuid of every archive that this configuration ever created, by its folder."""
        return state_file.recall(self._config_path, state_file.ARCHIVES)

    def known_roots(self, station: StationConfig) -> tuple[Path, ...]:
        """Return the folders of all archives that this configuration ever created; of a moved one only the current folder."""
        known, named = self.known, {str(root) for root in station.archive_roots(even_unused=True)}
        moved = {known.get(root) for root in named}
        return tuple(Path(root) for root, uuid in known.items() if root in named or uuid not in moved)

    @property
    def how_to_forget(self) -> str:
        """How a person makes the service forget an archive, as the end of a sentence."""
        return f"remove it from 'archives' in {state_file.state_path(self._config_path)}"

    @contextmanager
    def reading(self, root: Path) -> Iterator[Archive]:
        """Yield a known archive for reading; ArchiveError when it is away or cannot be read."""
        if archive := self.mount(root).archive:
            yield archive
            return
        self.require_back(root)
        with Archive.open(root, keys=self._config_path.parent) as archive:
            yield archive

    def _opened(self, root: Path) -> Archive:
        known = self.known.get(str(root))
        self.require_back(root)
        if self._repair:
            _rebuild_if_damaged(root, self._repair)
        archive = Archive.open(
            root,
            create=known is None,
            own=True,
            clock=self._now,
            keys=self._config_path.parent,
            encrypt=self.mount(root).is_encrypted,
        )
        try:
            _recover(archive)
        except BaseException:
            archive.close()
            raise
        if archive.waits_for_readers:
            reason = (
                "its file system allows no write-ahead log, so readers delay the service; see 'pywats-archive doctor'"
            )
            log.warning("archive.waits_for_readers", root=str(root), reason=reason)
        state_file.remember(self._config_path, state_file.ARCHIVES, {str(root): archive.description.archive_uuid})
        self._alerts.resume(archive)
        return archive

    def _require_known(self, root: Path, archive_uuid: str) -> None:
        try:
            require_archive(root, archive_uuid)
        except ArchiveAway as exc:
            hint = "if it was moved, set archive_folder to its new place; to create a new one here"
            raise type(exc)(f"{exc}. Or, {hint}, {self.how_to_forget}") from exc

    def __enter__(self) -> ArchivePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for archive in self.archives:
            archive.close()


def _rebuild_if_damaged(root: Path, how: Rebuilding) -> None:
    if rebuilt := repair(root, how):
        log.warning(
            "catalog.rebuilt",
            root=str(root),
            entries=rebuilt.entries,
            reports=rebuilt.reports,
            copy=rebuilt.copy,
            younger=rebuilt.younger,
            kept_as=rebuilt.kept_as,
            problems=[problem.message for problem in rebuilt.problems],
        )


def _recover(archive: Archive) -> None:
    recovery = recover(archive)
    if recovery.found_anything:
        entries, removed = len(recovery.entries), len(recovery.removed)
        log.warning("archive.recovered", root=str(archive.root), entries=entries, removed=removed)
