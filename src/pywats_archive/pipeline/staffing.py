"""What the lines of a station share: its archives, opened once, their rooms, its alerts, its processes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.presence import require_archive
from pywats_archive.archive.rebuild import Rebuilding, repair
from pywats_archive.archive.recover import recover
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.processes import AtStop, ConverterProcesses
from pywats_archive.errors import (
    ArchiveAway,
    ArchiveError,
    ConversionInterrupted,
    NoteUntrusted,
    StorageError,
    WorkersUnavailable,
)
from pywats_archive.host import memory, worker
from pywats_archive.host.secrets import load_key
from pywats_archive.models.time import Clock
from pywats_archive.pipeline import owed
from pywats_archive.pipeline.alerts import LEDGER, UNTRUSTED, Alerts
from pywats_archive.pipeline.books import ArchiveBooks
from pywats_archive.pipeline.claims import Claims
from pywats_archive.pipeline.failing import OWED, Failing
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.note import Seal
from pywats_archive.pipeline.parts import Parts
from pywats_archive.pipeline.room import Room
from pywats_archive.pipeline.stuck import Stuck
from pywats_archive.pipeline.unexpected import Unexpected
from pywats_archive.pipeline.watchfolder import WatchFolder

log = structlog.get_logger()

_BAD_ROWS = "their sources are left out, and stay where they lie; 'pywats-archive verify' names each row"
PATIENCE_S = 30.0
"""How long a converter may take to say what it is: a start, a reload and a stop wait for it."""


class Staff:
    """The archives that this service owns; each is opened, and repaired, once, and again when it was away.

    ``repair`` rebuilds a catalog that is missing or damaged; otherwise that is a CatalogDamaged.
    """

    def __init__(
        self,
        processes: ConverterProcesses,
        *,
        config_path: Path,
        clock: Clock,
        repair: bool = False,
        accept_notes: bool = False,
    ) -> None:
        self._repair = repair
        self._config_path = config_path
        self.processes = processes
        self.now = clock
        self.alerts = Alerts(lambda: self.archives, clock=clock)
        self.failing = Failing(self.alerts)
        self.stuck = Stuck(self.alerts)
        self.claims = Claims(config_path)
        self.unexpected = Unexpected(self.alerts)
        self.parts = Parts(self.alerts)
        self.promises = owed.Open(Seal(lambda: load_key(config_path.parent), accepts_unsigned=accept_notes))
        """Of sources whose reports are being sent while the archive fails."""
        self._still_owed: dict[tuple[str, Path | None], dict[Path, str]] = {}
        """By line, why what was promised to its archive could not be archived the last time."""
        self._archives: dict[Path, Archive] = {}
        self._rooms: dict[Path, Room] = {}

    @property
    def archives(self) -> Sequence[Archive]:
        """The open archives."""
        return tuple(self._archives.values())

    def archive(self, root: Path) -> Archive:
        """Give the archive at ``root``, opened for writing.

        ArchiveAway when one was there before and is not there now, AnotherArchive when another one is: nothing is made
        then.
        """
        if root not in self._archives:
            self._archives[root] = archive = self._opened(root)
            if bad := ledger.bad_open(archive):
                self.alerts.raise_alert(LEDGER, str(root), rows=len(bad), first=bad[0], reason=_BAD_ROWS)
        return self._archives[root]

    def close(self, root: Path) -> None:
        """Close the archive at ``root``, which is away, or of no use; idempotent."""
        if archive := self._archives.pop(root, None):
            try:
                archive.close()
            except (OSError, ArchiveError) as exc:
                log.warning("archive.not_closed", root=str(root), reason=str(exc))

    def require_back(self, root: Path) -> None:
        """Raise ArchiveAway unless the archive that was known at ``root`` lies there; one that is no more known may be new."""
        if known := self.known_archives.get(str(root)):
            self._require_known(root, known)

    def equip(self, line: Line) -> None:
        """Give a line its archive, its interceptor and its books; ArchiveError when the archive cannot be opened."""
        root = line.root
        assert root is not None
        archive = self.archive(root)
        line.interceptor = self._interceptor(line, archive)
        line.books = ArchiveBooks(archive, line.name)
        line.archive, line.away = archive, None

    def _interceptor(self, line: Line, archive: Archive) -> ArchiveInterceptor:
        info = line.description.info if line.description else None
        return ArchiveInterceptor(archive, line.config, key=load_key(self._config_path.parent), info=info)

    def describe(self, line: Line) -> None:
        """Have a line's converter say what it is; while its code cannot be loaded, the line says why.

        ConversionInterrupted when the service stops meanwhile.
        """
        limit_s, began_s = min(PATIENCE_S, line.config.timeout_seconds), time.monotonic()
        try:
            described = self.processes.run(worker.describe_converter, line.job, timeout_s=limit_s, at_stop=AtStop.END)
        except ConversionInterrupted:
            raise
        except WorkersUnavailable as exc:
            line.wait_for_workers(exc)
            return
        except Exception as exc:  # whatever it is, it is tried again
            described = str(exc)
        if isinstance(described, str):
            line.stop_for(described, took_s=time.monotonic() - began_s)
            return
        line.description = described
        if line.archive:
            line.interceptor = self._interceptor(line, line.archive)
        line.is_available_again = line.unavailable is not None
        line.unavailable = None

    def close_unused(self, lines: Sequence[Line]) -> None:
        """Close the archives that no line uses and in which nothing waits, and give up the watch folders of none."""
        self.claims.keep(line.folder for line in lines if line.folder)
        used = {line.root for line in lines}
        for root, archive in tuple(self._archives.items()):
            with suppress(ArchiveError):
                if root not in used and not ledger.is_any_waiting(archive):
                    self.alerts.leave(archive)
                    self.close(root)

    @property
    def known_archives(self) -> dict[str, str]:
        """The uuid of every archive that this configuration ever made, by its folder."""
        return memory.recall(self._config_path, memory.ARCHIVES)

    def known_roots(self, station: StationConfig) -> tuple[Path, ...]:
        """Give where the archives lie that this configuration ever made; what was moved, only where it lies now."""
        known, named = self.known_archives, {str(root) for root in station.archive_roots(even_unused=True)}
        moved = {known.get(root) for root in named}
        return tuple(Path(root) for root, uuid in known.items() if root in named or uuid not in moved)

    @property
    def how_to_forget(self) -> str:
        """Tell a person how an archive is known no more."""
        return f"take it out of 'archives' in {memory.memory_of(self._config_path)}"

    @contextmanager
    def reading(self, root: Path) -> Iterator[Archive]:
        """Give an archive that was known at ``root`` for reading; ArchiveError when it is not there or cannot be read."""
        if root in self._archives:
            yield self._archives[root]
            return
        self.require_back(root)
        with Archive.open(root) as archive:
            yield archive

    def still_owed(self, lines: Sequence[Line]) -> tuple[str, ...]:
        """Tell what could not be archived late the last time, a line each."""
        still = ((line.name, self._still_owed.get((line.name, line.root), {})) for line in lines)
        return tuple(f"{name}: {why}" for name, reasons in still for why in reasons.values())

    def watch_folder(self, config: ConverterConfig) -> WatchFolder:
        """Return a converter's watch folder, made when it never was there and owned if it can be; remember where it lies."""
        known = memory.recall(self._config_path, memory.WATCH_FOLDERS).get(config.watch_folder)
        folder = WatchFolder(Path(config.watch_folder), known)
        try:
            mount_point = folder.prepare()
        except OSError as exc:
            log.error("folder.missing", path=config.watch_folder, reason=exc.strerror)
            return folder
        if mount_point is not None:
            memory.remember(self._config_path, memory.WATCH_FOLDERS, {config.watch_folder: mount_point})
        self.claims.look(folder)
        return folder

    def room(self, root: Path) -> Room:
        """Give the room of an archive, whether or not a converter uses it now."""
        return self._rooms.setdefault(root, Room(root))

    def rooms(self, station: StationConfig) -> dict[Path, Room]:
        """Give the room of each archive, with what the converters that share it wish for."""
        for root in station.archive_roots():
            sharing = [
                c for c in station.converters if c.enabled and c.archive_enabled and station.archive_root(c) == root
            ]
            room = self.room(root)
            room.wishes_gb = tuple(config.min_free_gb for config in sharing)
        return self._rooms

    def _opened(self, root: Path) -> Archive:
        known = self.known_archives.get(str(root))
        self.require_back(root)
        if self._repair:
            self._rebuild_if_damaged(root)
        archive = Archive.open(root, create=known is None, own=True, clock=self.now)
        try:
            self._recover(archive)
        except BaseException:
            archive.close()
            raise
        if archive.waits_for_readers:
            told = "no write-ahead log is possible there: who reads makes the service wait; 'pywats-archive doctor' says more"
            log.warning("archive.waits_for_readers", root=str(root), reason=told)
        memory.remember(self._config_path, memory.ARCHIVES, {str(root): archive.description.archive_uuid})
        self.alerts.take_up(archive)
        return archive

    def _require_known(self, root: Path, archive_uuid: str) -> None:
        try:
            require_archive(root, archive_uuid)
        except ArchiveAway as exc:
            meant = "if it was moved, name its new place in archive_folder; to begin another here"
            raise type(exc)(f"{exc}. Or, {meant}, {self.how_to_forget}") from exc

    def _recover(self, archive: Archive) -> None:
        recovery = recover(archive)
        if recovery.found_anything:
            log.warning(
                "archive.recovered",
                root=str(archive.root),
                entries=len(recovery.entries),
                removed=len(recovery.removed),
            )

    def _rebuild_if_damaged(self, root: Path) -> None:
        rebuilt = repair(root, Rebuilding(clock=self.now))
        if rebuilt:
            log.warning(
                "catalog.rebuilt",
                root=str(root),
                entries=rebuilt.entries,
                reports=rebuilt.reports,
                kept_as=rebuilt.kept_as,
                problems=[problem.message for problem in rebuilt.problems],
            )

    def settle_owed(self, line: Line) -> None:
        """Archive what was converted while the archive failed, if it works now and has room."""
        if line.archive is None or line.interceptor is None or not line.watches or line.trouble():
            return
        before, still = self._still_owed.get((line.name, line.root), {}), dict[Path, str]()
        self._still_owed[line.name, line.root] = still
        folder = Path(line.config.done_folder)

        def fail(path: Path, exc: Exception) -> None:
            still[path] = str(exc)
            if isinstance(exc, NoteUntrusted):
                self.alerts.raise_alert(UNTRUSTED, str(path), reason=str(exc))
            if before.get(path) != str(exc):  # it is tried every second
                log.error("archive.still_owed", converter=line.name, path=str(path), reason=str(exc))

        try:
            waiting = [each for each in owed.waiting(line.config) if each not in self.promises]
        except StorageError as exc:
            fail(folder, exc)
            return
        for kept in waiting:
            try:
                owed.settle(line.archive, line.interceptor, line.config, kept, open_=self.promises)
            except Exception as exc:
                fail(kept, exc)
            else:
                log.info("archive.caught_up", converter=line.name, path=str(kept))
        for path in before.keys() - still.keys():
            self.alerts.clear(UNTRUSTED, str(path))
        if not still:
            self.failing.over(line.name, OWED)

    def __enter__(self) -> Staff:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.claims.close()
        for archive in self._archives.values():
            archive.close()
