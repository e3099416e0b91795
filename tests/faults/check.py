"""Whether an archive kept its promises; each finding cites the invariant that it breaks."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.role import metadata_in_place
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.catalog import events
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import ArchiveError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import Report, SubmissionState
from tests.faults.place import Place


def findings(archive: Archive, place: Place) -> list[str]:
    """Name everything in the archive and around it that is not as it must be."""
    return [*_half_written(place), *_sources(archive, place), *archive_findings(archive)]


def archive_findings(archive: Archive) -> list[str]:
    """Name everything in the archive itself that is not as it must be."""
    found = archive.find(EntryFilter(), limit=100_000).items
    halves = [f"5: {path} is left half-written" for path in archive.root.rglob("*.part")]
    return [*halves, *_blobs(archive, found), *_strangers(archive), *_doubles(archive, found), *_history(archive)]


def report_ids(archive: Archive) -> dict[tuple[str, int], set[str]]:
    """Give the ids under which each entry's reports are or will be sent."""
    found: dict[tuple[str, int], set[str]] = {}
    for entry in archive.find(EntryFilter(), limit=1_000).items:
        for report in archive.reports_of(entry.archive_id):
            found.setdefault((entry.archive_id, report.ordinal), set()).add(report.report_id)
    return found


def _half_written(place: Place) -> Iterator[str]:
    for folder in ("watch", "Done", "Error", "Pending"):
        yield from (f"5: {path} is left half-written" for path in (place.folder / folder).rglob("*.part"))


def _blobs(archive: Archive, found: tuple[ArchiveEntry, ...]) -> Iterator[str]:
    for entry in found:
        if entry.purged_at:
            continue
        wanted = [(entry.source_archived_path, entry.source_checksum)]
        documents = [report for report in archive.reports_of(entry.archive_id) if not _is_removed(report)]
        wanted += [(report.archived_path, report.checksum) for report in documents]
        wanted += [(path, _own_checksum(archive, path)) for path in {c.archived_path for c in entry.companions}]
        for path, checksum in wanted:
            try:
                archive.blobs.check(path, checksum)
                if metadata_in_place(path, archive.blobs.label(path).metadata)["archive_id"] != entry.archive_id:
                    yield f"6: {path} says that it is of another entry"
            except ArchiveError as exc:
                yield f"1: {exc}"


def _is_removed(report: Report) -> bool:
    """Whether the document of an accepted report was removed, as ``archive_output_reports`` says."""
    return report.submission_state is SubmissionState.ACCEPTED and report.disk_size_bytes == 0


def _own_checksum(archive: Archive, path: str) -> str:
    return f"sha256:{archive.blobs.label(path).metadata['sha256']}"


def _strangers(archive: Archive) -> Iterator[str]:
    """What lies in the archive and is in no row."""
    with archive.read() as db:
        purged = {e.archive_id for e in archive.find(EntryFilter(), limit=100_000).items if e.purged_at}
        known = {path for path in _known_paths(db) if path.rpartition("/")[2][:24] not in purged}
    for top in ("sources", "reports"):
        yield from (f"5: {path} is in no row" for path in archive.blobs.paths(top) if path not in known)


def _sources(archive: Archive, place: Place) -> Iterator[str]:
    """Each source lies in the watch folder, comes back from the archive, bit for bit, or is on record as purged."""
    every = archive.find(EntryFilter(), limit=1_000).items
    found = [entry for entry in every if not entry.purged_at]
    purged = {entry.source_checksum for entry in every if entry.purged_at}
    with tempfile.TemporaryDirectory() as folder:
        back = [restore_source(archive, entry.archive_id, Path(folder), record_access=False) for entry in found]
        contents = {path.read_bytes() for item in back for path in (item, *item.rglob("*")) if path.is_file()}
        contents |= {path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    for name, content in place.dropped().items():
        waits = place.watch / name
        is_purged = f"sha256:{hashlib.sha256(content).hexdigest()}" in purged
        if content not in contents and not is_purged and not (waits.exists() and waits.read_bytes() == content):
            yield f"2: {name} is lost"


def _doubles(archive: Archive, found: tuple[ArchiveEntry, ...]) -> Iterator[str]:
    sources = Counter((e.source_original_path, e.source_mtime_ns, e.source_checksum) for e in found)
    yield from (f"5: {number} entries for {source[0]}" for source, number in sources.items() if number > 1)
    for entry in found:
        names = Counter(companion.name for companion in entry.companions)
        yield from (f"5: {name} is a companion {n} times" for name, n in names.items() if n > 1)
    for (archive_id, ordinal), ids in report_ids(archive).items():
        if len(ids) > 1:
            yield f"4: report {ordinal} of {archive_id} has {len(ids)} ids"


def _history(archive: Archive) -> Iterator[str]:
    with archive.read() as db:
        if broken := events.first_break(db):
            yield f"8: the chain breaks at event {broken.sequence}"
    yield from (f"12: {told}" for told in ledger.disagreements(archive))


def _known_paths(db: Connection) -> Iterator[str]:
    """Stream the path of every blob that a row names, companions and reports included; one may come more than once."""
    for path, companions in execute(db, "SELECT archived_path, companions FROM archive_entries"):
        yield path
        yield from (each["archived_path"] for each in json.loads(companions or "[]"))
    for (path,) in execute(db, "SELECT archived_path FROM reports"):
        yield path
