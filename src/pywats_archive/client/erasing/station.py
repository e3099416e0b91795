"""The part of the client that erases entries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.archives import OpenArchives
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UsageError

if TYPE_CHECKING:
    from pywats_archive.archive.erasing.journal import Erasing
    from pywats_archive.models.retention.erasure import Erasure, ErasureChoice, ErasurePreview


class Erasures:
    """Erases entries and what the archives say about them, over all archives of the client."""

    _archives: OpenArchives
    _station: StationOutline | None
    actor: str
    """The name of this client's user in the history."""

    def preview_erasure(self, choice: ErasureChoice, *, logs: Sequence[Path | str] = ()) -> ErasurePreview:
        """Return what ``erase`` would concern now, and which entries a rule protects; changes nothing.

        With ``operator``, every report is read. UsageError for a choice that names nothing.
        """
        from pywats_archive.archive.erasing import acting
        from pywats_archive.models.retention.erasure import ErasurePreview

        how = self._erasing(choice, "preview", None, logs)
        each = [acting.preview(archive, choice, how) for archive in self._archives.all]
        return ErasurePreview(
            entries=tuple(chain.from_iterable(one.entries for one in each)),
            protected=tuple(chain.from_iterable(one.protected for one in each)),
            also_named=tuple(chain.from_iterable(one.also_named for one in each)),
            files=sum(one.files for one in each),
            disk_size_bytes=sum(one.disk_size_bytes for one in each),
            reports=sum(one.reports for one in each),
            events=sum(one.events for one in each),
            copies=sum(one.copies for one in each),
            old_catalogs=sum(one.old_catalogs for one in each),
            logs=tuple(dict.fromkeys(chain.from_iterable(one.logs for one in each))),
            outside=tuple(chain.from_iterable(one.outside for one in each)),
        )

    def erase(
        self, choice: ErasureChoice, *, reason: str, actor: str | None = None, logs: Sequence[Path | str] = ()
    ) -> Erasure:
        """Erase entries: their files, and what rows, texts, events, copies of the catalog and log files say about them.

        It cannot be undone. Their ids, times, converters and checksums stay, with who erased them and why. A killed erasure is
        finished by the next one, or by the next start of the service. ``logs`` are log files beside those of the services.
        PurgeRunning or RunRunning while another process purges or replays.
        """
        from pywats_archive.archive.erasing import acting
        from pywats_archive.models.retention.erasure import Erasure

        how = self._erasing(choice, arguments.text(reason, "reason"), actor, logs)
        each = [acting.erase(archive, choice, how) for archive in self._archives.all]
        return Erasure(
            entries=sum(one.entries for one in each),
            protected=tuple(chain.from_iterable(one.protected for one in each)),
            also_named=tuple(chain.from_iterable(one.also_named for one in each)),
            events=sum(one.events for one in each),
            log_places=sum(one.log_places for one in each),
            outside=tuple(chain.from_iterable(one.outside for one in each)),
            not_removed=tuple(chain.from_iterable(one.not_removed for one in each)),
        )

    def _erasing(self, choice: ErasureChoice, reason: str, actor: str | None, logs: Sequence[Path | str]) -> Erasing:
        from pywats_archive.archive.erasing.journal import Erasing
        from pywats_archive.archive.liveness.heartbeat import facts_of
        from pywats_archive.host.settings.foldernames import read_backup_folder
        from pywats_archive.models.retention.erasure import ErasureChoice

        arguments.of_kind(choice, "choice", ErasureChoice)
        if choice == ErasureChoice():
            raise UsageError("erase: no entries are named; give ids, a serial number, an operator or a filter")
        if not reason.strip():
            raise UsageError("erase: the reason is empty; it stays on record")
        of_services = (facts_of(root).log for root in self._archives.roots)
        named = (arguments.path(each, "logs").absolute() for each in logs)
        return Erasing(
            reason=reason,
            actor=actor or self.actor,
            logs=tuple(dict.fromkeys(each for each in (*of_services, *named) if each is not None)),
            backup_folder=read_backup_folder(self._station.path) if self._station else None,
            mount_points=_mount_points(self._station) if self._station else {},
        )


def _mount_points(station: StationOutline) -> dict[str, str]:
    """Return the mount points of the folders that converters watch; one that no converter watches any longer may be gone."""
    from pywats_archive.host.settings import state_file

    watched = {each.watch_folder for each in station.converters}
    known = state_file.recall(station.path, state_file.WATCH_FOLDERS)
    return {folder: point for folder, point in known.items() if folder in watched}
