"""Opening what a configuration needs: its archives, and a line for each converter that is enabled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.archive.rebuild import Rebuilding, repair
from pywats_archive.archive.recover import recover
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.conversion.processes import ConverterProcesses
from pywats_archive.errors import ArchiveError
from pywats_archive.host import worker
from pywats_archive.host.job import ConversionJob, ConverterDescription, job_for
from pywats_archive.host.secrets import load_key
from pywats_archive.models.time import Clock
from pywats_archive.pipeline import owed
from pywats_archive.pipeline.books import ArchiveBooks, Books, MemoryBooks
from pywats_archive.pipeline.line import Line

log = structlog.get_logger()


class Staff:
    """The archives that this service owns; each is opened, and repaired, once.

    ``repair`` rebuilds a catalog that is missing or damaged; otherwise that is a CatalogDamaged.
    """

    def __init__(self, processes: ConverterProcesses, *, clock: Clock, repair: bool = False) -> None:
        self._repair = repair
        self.processes = processes
        self.now = clock
        self._archives: dict[Path, Archive] = {}

    @property
    def archives(self) -> Sequence[Archive]:
        """The open archives."""
        return tuple(self._archives.values())

    def archive(self, root: Path, *, retention_days: int) -> Archive:
        """Give the archive at ``root``, opened for writing."""
        if root not in self._archives:
            if self._repair:
                self._rebuild_if_damaged(root, retention_days)
            archive = Archive.open(root, create=True, own=True, clock=self.now)
            self._archives[root] = archive
            recovery = recover(archive, retention_days=retention_days)
            if recovery.found_anything:
                log.warning(
                    "archive.recovered", root=str(root), entries=len(recovery.entries), removed=len(recovery.removed)
                )
        return self._archives[root]

    def _rebuild_if_damaged(self, root: Path, retention_days: int) -> None:
        rebuilt = repair(root, Rebuilding(retention_days=lambda _: retention_days, clock=self.now))
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
        """Archive what was converted while the archive failed, if it works now."""
        if line.archive is None or line.interceptor is None or not line.watches:
            return
        for kept in owed.waiting(line.config):
            try:
                owed.settle(line.archive, line.interceptor, line.config, kept)
            except Exception as exc:
                log.error("archive.still_owed", converter=line.name, path=str(kept), reason=str(exc))
            else:
                log.info("archive.caught_up", converter=line.name, path=str(kept))

    def __enter__(self) -> Staff:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for archive in self._archives.values():
            archive.close()


def make_lines(station: StationConfig, staff: Staff, *, before: Sequence[Line] = ()) -> list[Line]:
    """Make a line for each enabled converter, by priority; what only memory knows goes over from the lines before."""
    remembered = {line.name: line.books for line in before if line.archive is None}
    enabled = sorted((c for c in station.converters if c.enabled), key=lambda c: c.priority)
    return [_line(config, station, staff, remembered.get(config.name)) for config in enabled]


def _line(config: ConverterConfig, station: StationConfig, staff: Staff, remembered: Books | None) -> Line:
    job = job_for(config, station)
    description = _describe(config, job, staff.processes)
    if not config.archive_enabled:
        books = remembered or MemoryBooks(config.name, clock=staff.now)
        return Line(config=config, job=job, description=description, books=books)
    archive = staff.archive(station.archive_root(config), retention_days=config.retention_days)
    info = description.info if description else None
    interceptor = ArchiveInterceptor(archive, config, key=load_key(station.path.parent), info=info)
    return Line(
        config=config,
        job=job,
        description=description,
        books=ArchiveBooks(archive, config.name),
        archive=archive,
        interceptor=interceptor,
    )


def _describe(
    config: ConverterConfig, job: ConversionJob, processes: ConverterProcesses
) -> ConverterDescription | None:
    try:
        described = processes.run(worker.describe_converter, job, timeout_s=config.timeout_seconds)
    except ArchiveError as exc:
        described = str(exc)
    if isinstance(described, str):
        log.error("converter.unavailable", converter=config.name, reason=described)
        return None
    return described
