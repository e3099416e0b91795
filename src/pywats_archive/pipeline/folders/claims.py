"""The watch folders that this service owns: nobody else takes anything from them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from pywats_archive.archive.folder.watch_owner import Claim
from pywats_archive.errors import FolderTaken
from pywats_archive.host.settings.neighbours import real
from pywats_archive.pipeline.folders.presence import WatchFolder

log = structlog.get_logger()


class Claims:
    """One claim for each folder, however many converters watch it and by whichever names."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path
        self._held: dict[Path, Claim] = {}
        self._unlocked: set[Path] = set()

    def look(self, folder: WatchFolder) -> None:
        """Own a watch folder that is there, or have it say whose it is; cheap when it is owned already."""
        if folder.absence():
            return
        where = real(folder.path)
        claim = self._held.get(where)
        if claim and not claim.is_still(folder.path):  # it was made again, or mounted again
            self._held.pop(where).release()
            claim = None
        folder.taken = None if claim else self._take(where)

    def keep(self, folders: Iterable[WatchFolder]) -> None:
        """Give up all but these."""
        wanted = {real(folder.path) for folder in folders}
        for where in [where for where in self._held if where not in wanted]:
            self._held.pop(where).release()

    def close(self) -> None:
        """Give up all of them."""
        self.keep(())

    def _take(self, where: Path) -> FolderTaken | None:
        try:
            claim = self._held[where] = Claim(where, configuration=self._config_path)
        except FolderTaken as exc:
            return exc
        except OSError:  # its listing fails too, and says so
            return None
        if not claim.is_shared and where not in self._unlocked:
            self._unlocked.add(where)
            told = "no lock can be made beside it: see to it that no other computer watches it"
            log.warning("folder.not_locked", path=str(where), reason=told)
        return None
