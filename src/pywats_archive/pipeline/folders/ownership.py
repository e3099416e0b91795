"""The watch folders that this service owns: no other service takes sources from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive.folder.watch_owner import Claim
from pywats_archive.errors import FolderTaken
from pywats_archive.host.settings import state_file
from pywats_archive.host.settings.neighbours import real
from pywats_archive.pipeline.alerting.alerts import WATCH_AWAY, WATCH_TAKEN, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.folders.presence import WatchFolder

log = structlog.get_logger()


class Claims:
    """One claim for each folder, even if several converters watch it under several names."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path
        self._claims: dict[Path, Claim] = {}
        self._unlocked: set[Path] = set()

    def acquire(self, folder: WatchFolder) -> None:
        """Claim a folder if it is available; ``folder.taken`` says who owns it otherwise. Cheap if already claimed."""
        if folder.absence():
            return
        where = real(folder.path)
        claim = self._claims.get(where)
        if claim and not claim.is_still(folder.path):  # the folder was created or mounted again
            self._claims.pop(where).release()
            claim = None
        folder.taken = None if claim else self._acquire(where)

    def release_except(self, folders: Iterable[WatchFolder]) -> None:
        """Release all claims but those on these folders."""
        wanted = {real(folder.path) for folder in folders}
        for where in [where for where in self._claims if where not in wanted]:
            self._claims.pop(where).release()

    def close(self) -> None:
        """Release all claims."""
        self.release_except(())

    def _acquire(self, where: Path) -> FolderTaken | None:
        try:
            claim = self._claims[where] = Claim(where, configuration=self._config_path)
        except FolderTaken as exc:
            return exc
        except OSError:  # its listing fails too, and is reported
            return None
        if not claim.is_shared and where not in self._unlocked:
            self._unlocked.add(where)
            reason = "no lock file can be created beside it; make sure that no other computer watches it"
            log.warning("folder.not_locked", path=str(where), reason=reason)
        return None


class WatchFolders:
    """The watch folders of all lanes: created on first use, claimed, and checked for availability."""

    def __init__(self, config_path: Path, alerts: Alerts, tasks: IsolatedTasks) -> None:
        self._config_path = config_path
        self._alerts = alerts
        self._tasks = tasks
        self._claims = Claims(config_path)

    def open(self, path: str) -> WatchFolder:
        """Return a watch folder, created on first use and claimed if possible; its mount point is remembered."""
        known = state_file.recall(self._config_path, state_file.WATCH_FOLDERS).get(path)
        folder = WatchFolder(Path(path), known)
        self._prepare(folder)
        return folder

    def check(self, names: Mapping[WatchFolder, str]) -> tuple[WatchFolder, ...]:
        """Raise an alert for each folder that is away or taken; returns those that are back.

        ``names``: the name of a converter that watches each folder.
        """
        away = [folder for folder in names if folder.was_away]
        for folder in names:
            self._tasks.run("watch folder", names[folder], partial(self._check, folder))
        back = tuple(folder for folder in away if not folder.was_away)
        for folder in back:
            self._prepare(folder)
            for name in (WATCH_AWAY, WATCH_TAKEN):
                self._alerts.clear(name, str(folder.path))
        return back

    def _check(self, folder: WatchFolder) -> None:
        self._claims.acquire(folder)
        trouble = folder.trouble()
        if trouble and not folder.was_away:
            name = WATCH_TAKEN if isinstance(trouble, FolderTaken) else WATCH_AWAY
            self._alerts.raise_alert(name, str(folder.path), reason=str(trouble))
        folder.was_away = trouble is not None

    def release_except(self, folders: Iterable[WatchFolder]) -> None:
        """Release all folders but these."""
        self._claims.release_except(folders)

    def close(self) -> None:
        """Release all folders."""
        self._claims.close()

    def _prepare(self, folder: WatchFolder) -> None:
        try:
            mount_point = folder.prepare()
        except OSError as exc:
            log.error("folder.missing", path=str(folder.path), reason=exc.strerror)
            return
        if mount_point is not None:
            state_file.remember(self._config_path, state_file.WATCH_FOLDERS, {str(folder.path): mount_point})
        self._claims.acquire(folder)
