"""Restores the reports of an entry beside its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import content
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.portable import placing


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredReports:
    """The reports that were restored, and why others were not."""

    paths: tuple[Path, ...]
    faults: tuple[str, ...]


def restore_reports(archive: Archive, archive_id: str, source: Path, *, actor: str) -> RestoredReports:
    """Restore each report beside ``source``, as NAME.report-N.json with the number that ``show`` has; nothing is replaced.

    The history has who got each.
    """
    paths: list[Path] = []
    faults: list[str] = []
    for number in range(1, len(archive.reports_of(archive_id)) + 1):
        try:
            document = content.report_document(archive, archive_id, number)
            path = _write(document, source.parent, f"{source.name}.report-{number}.json", archive)
            paths.append(path)
            content.record_report(archive, archive_id, number, actor=actor, to=placing.whole_path(path))
        except ArchiveError as exc:
            faults.append(f"report {number}: {exc}")
    return RestoredReports(paths=tuple(paths), faults=tuple(faults))


def _write(document: bytes, folder: Path, name: str, archive: Archive) -> Path:
    try:
        return placing.write_file([document], folder, name, mtime_ns=int(archive.now().timestamp() * 1e9))
    except OSError as exc:
        raise StorageError(f"{folder}: cannot restore {name} there ({exc.strerror or exc})") from exc
