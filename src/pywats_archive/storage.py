"""ArchiveStorage: the archive as the analysis names it, awaitable; each method is one line over a worker thread."""

from __future__ import annotations

import json
from asyncio import to_thread
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from pywats_archive.archive import ingest, record, restore
from pywats_archive.archive.core import Archive
from pywats_archive.archive.recover import recover
from pywats_archive.config import companion_fault
from pywats_archive.errors import UsageError
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.policy import RetentionPolicy
from pywats_archive.models.purge import PurgeStatistics
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.time import end_of, start_of
from pywats_archive.retention.engine import RetentionEngine

_NO_LIMIT = 2**31


class ArchiveStorage:
    """Compressed, checksummed storage of sources and reports in one folder.

    Opening it makes the archive when there is none, takes it for this process (ArchiveInUse when another has
    it) and repairs what a crash left. Close it, or use it as a context manager.
    """

    def __init__(self, archive_root: Path | str) -> None:
        self.archive = Archive.open(Path(archive_root), create=True, own=True)
        recover(self.archive)

    async def archive_source(
        self, source_path: Path | str, converter_name: str, metadata: Mapping[str, Any] | None = None
    ) -> str:
        """Archive a file or folder before its conversion; gives its archive id. Durable once this returns.

        ``metadata`` may hold ``arguments``, ``converter_version``, ``compression_level`` and
        ``companions`` (globs relative to the source's folder).
        """
        level = self.archive.policies.effective(converter_name).compression_level
        source = _new_source(Path(source_path), converter_name, metadata or {}, level)
        entry = await to_thread(ingest.archive_source, self.archive, source)
        return entry.archive_id

    async def archive_report(self, report: Mapping[str, Any] | bytes, archive_id: str) -> None:
        """Archive one more report of an entry's latest conversion; UnknownEntry when there is no such entry."""
        body = report if isinstance(report, bytes) else _json(report)
        await to_thread(record.add_report, self.archive, archive_id, body)

    async def restore_source(self, archive_id: str, dest_folder: Path | str) -> Path:
        """Bring a source back under its own name, checked; a name that is taken gets a number."""
        return await to_thread(restore.restore_source, self.archive, archive_id, Path(dest_folder), actor="library")

    async def get_archives(
        self,
        from_date: date | datetime,
        to_date: date | datetime,
        converter_name: str | None = None,
        status: ConversionStatus | str | None = None,
    ) -> list[ArchiveEntry]:
        """Give the entries of a range, oldest first; both ends inclusive, a date as the end means all of that day."""
        wanted = EntryFilter(
            from_date=start_of(from_date),
            to_date=end_of(to_date),
            converter_name=converter_name,
            status=ConversionStatus(status) if status else None,
            newest_first=False,
        )
        page = await to_thread(self.archive.find, wanted, limit=_NO_LIMIT)
        return list(page.items)

    async def update_conversion_metadata(
        self,
        archive_id: str,
        status: ConversionStatus | str,
        error: str | None = None,
        duration_ms: int = 0,
    ) -> None:
        """Record one conversion of an entry, without reports; those follow by ``archive_report``."""
        await to_thread(self._record, archive_id, ConversionStatus(status), error, duration_ms)

    async def enforce_retention(self, policy: RetentionPolicy) -> PurgeStatistics:
        """Purge what a policy names; see ``RetentionEngine.enforce_policy``."""
        return await RetentionEngine(self).enforce_policy(policy)

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
        record.record_conversion(self.archive, record.NewConversion(conversion=conversion))

    def close(self) -> None:
        """Give the archive free; idempotent."""
        self.archive.close()

    def __enter__(self) -> ArchiveStorage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _new_source(path: Path, converter_name: str, metadata: Mapping[str, Any], level: int) -> ingest.NewSource:
    for rule in metadata.get("companions") or ():
        if told := companion_fault(rule):
            raise UsageError(f"companions: {rule!r}: {told}")
    return ingest.NewSource(
        path=path.absolute(),
        converter_name=converter_name,
        converter_version=metadata.get("converter_version"),
        parameters=dict(metadata.get("arguments") or {}),
        companion_rules=tuple(metadata.get("companions") or ()),
        compression_level=int(metadata.get("compression_level", level)),
    )


def _json(report: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(report), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
