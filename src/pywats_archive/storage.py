"""ArchiveStorage: the archive as the analysis names it, awaitable; each method is one line over a worker thread."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.recover import recover
from pywats_archive.archive.restore import source as restore
from pywats_archive.archive.results import conversions, reports
from pywats_archive.archive.sources import ingest
from pywats_archive.config.companions import companion_fault
from pywats_archive.errors import UsageError
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import PurgeStatistics
from pywats_archive.retention.engine import RetentionEngine

P = ParamSpec("P")
R = TypeVar("R")
_THREADS = 16
"""More than the event loop's own threads on most computers: entries of many threads are committed together."""
_NO_LIMIT = 2**31
_LONGEST_NAME = 255
_A_YEAR_MS = 366 * 86_400_000


class ArchiveStorage:
    """Compressed, checksummed storage of sources and reports in one folder.

    Opening it creates the archive if there is none, makes this process its owner (ArchiveInUse if another one
    is) and repairs what a crash left. Close it, or use it as a context manager. Opening and closing block; no method
    blocks the event loop, and up to 16 of them run at the same time.
    """

    def __init__(self, archive_root: Path | str) -> None:
        self.archive = Archive.open(arguments.path(archive_root, "archive_root"), create=True, own=True)
        recover(self.archive)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="archive-storage")

    async def archive_source(
        self, source_path: Path | str, converter_name: str, metadata: Mapping[str, Any] | None = None
    ) -> str:
        """Archive a file or folder before its conversion; return its archive id. Durable once this returns.

        ``metadata`` may hold ``arguments``, ``converter_version``, ``compression_level`` and
        ``companions`` (globs relative to the source's folder). UsageError names a value that cannot be used.
        """
        return await self._in_thread(self._archive_source, source_path, converter_name, metadata or {})

    async def archive_report(self, report: Mapping[str, Any] | bytes, archive_id: str) -> None:
        """Archive another report of an entry's latest conversion; UnknownEntry if there is no such entry.

        UsageError if it is not a JSON object.
        """
        await self._in_thread(self._archive_report, report, archive_id)

    async def restore_source(self, archive_id: str, dest_folder: Path | str) -> Path:
        """Restore a source under its own name, checked; a number is added if the name is taken."""
        folder = arguments.path(dest_folder, "dest_folder")
        return await self._in_thread(restore.restore_source, self.archive, archive_id, folder, actor=None)

    async def get_archives(
        self,
        from_date: date | datetime,
        to_date: date | datetime,
        converter_name: str | None = None,
        status: ConversionStatus | str | None = None,
    ) -> list[ArchiveEntry]:
        """Return the entries of a range, oldest first; both ends inclusive, a date as the end means all of that day."""
        wanted = EntryFilter(
            from_date=arguments.first_moment(from_date, "from_date"),
            to_date=arguments.last_moment(to_date, "to_date"),
            converter_name=converter_name,
            status=None if status is None else arguments.choice(status, "status", ConversionStatus),
            newest_first=False,
        )
        page = await self._in_thread(self.archive.find, wanted, limit=_NO_LIMIT)
        return list(page.items)

    async def update_conversion_metadata(
        self,
        archive_id: str,
        status: ConversionStatus | str,
        error: str | None = None,
        duration_ms: int = 0,
    ) -> None:
        """Record one conversion of an entry, without reports; those follow by ``archive_report``.

        UsageError names an impossible value; ``duration_ms`` is a whole number up to a year.
        """
        known = arguments.choice(status, "status", ConversionStatus)
        duration = arguments.whole(duration_ms, "duration_ms", most=_A_YEAR_MS)
        fault = None if error is None else arguments.of_kind(error, "error", str)
        await self._in_thread(self._record, archive_id, known, fault, duration)

    async def enforce_retention(self, policy: RetentionPolicy) -> PurgeStatistics:
        """Purge by a policy; see ``RetentionEngine.enforce_policy``."""
        return await RetentionEngine(self).enforce_policy(arguments.of_kind(policy, "policy", RetentionPolicy))

    async def _in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        call = partial(copy_context().run, function, *args, **kwargs)
        return await get_running_loop().run_in_executor(self._threads, call)

    def _archive_source(self, source_path: Path | str, converter_name: str, metadata: Mapping[str, Any]) -> str:
        name = arguments.text(converter_name, "converter_name", most=_LONGEST_NAME)
        level = self.archive.policies.effective(name).compression_level
        source = _new_source(arguments.path(source_path, "source_path"), name, metadata, level)
        return ingest.archive_source(self.archive, source).archive_id

    def _archive_report(self, report: Mapping[str, Any] | bytes, archive_id: str) -> None:
        reports.add_report(self.archive, archive_id, arguments.report(report, "report"))

    def _record(self, archive_id: str, status: ConversionStatus, error: str | None, duration_ms: int) -> None:
        entry = self.archive.entry(archive_id)
        conversion = Conversion(
            archive_id=archive_id,
            attempt=0,
            started_at=self.archive.now() - timedelta(milliseconds=duration_ms),
            duration_ms=duration_ms,
            status=status,
            converter_name=entry.converter_name,
            converter_class="",
            converter_version=entry.converter_version,
            parameters=entry.conversion_parameters,
            error=error,
        )
        conversions.record_conversion(self.archive, conversions.NewConversion(conversion=conversion))

    def close(self) -> None:
        """Release the archive, after the calls that are running; idempotent."""
        self._threads.shutdown()
        self.archive.close()

    def __enter__(self) -> ArchiveStorage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _new_source(path: Path, converter_name: str, metadata: Mapping[str, Any], level: int) -> ingest.NewSource:
    known = arguments.of_kind(metadata, "metadata", Mapping)  # type: ignore[type-abstract]
    version, rules = known.get("converter_version"), arguments.texts(known.get("companions") or (), "companions")
    for rule in rules:
        if fault := companion_fault(rule):
            raise UsageError(f"companions: {rule!r}: {fault}")
    return ingest.NewSource(
        path=path.absolute(),
        converter_name=converter_name,
        converter_version=None if version is None else arguments.text(version, "converter_version", may_be_empty=True),
        parameters=arguments.json_object(known.get("arguments") or {}, "arguments"),
        companion_rules=rules,
        compression_level=arguments.whole(known.get("compression_level", level), "compression_level", least=1, most=9),
    )
