"""Files that grow (``append``): the earlier entries whose whole content an entry begins with, and the effect on reports.

Everything is derived from recorded facts, so a conversion that a crash interrupted is decided the same way again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results.current import Current, accepted, current
from pywats_archive.archive.results.likeness import alike
from pywats_archive.catalog import entries, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import ArchiveError
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.pairing import Earlier, Keys
from pywats_archive.models.report import Report, SubmissionState, id_key

REPLACED_LATER = "the report of a later entry of the same file is sent instead"
"""Why a waiting report is withheld once a later entry's report of its id is added."""
_MOST_FORMERS = 20


def with_formers(archive: Archive, now: Current, *, is_replay: bool = False) -> Current:
    """Return ``now`` with the report ids of the entries whose whole content it begins with.

    A replay also uses those of a later entry of the file. An entry that has sent reports of its own uses only these.
    """
    if any(each.is_sent for each in now.earlier):
        return _with_others(archive, now)
    ids = [*formers(archive, now.entry), *(_longest(archive, now.entry) if is_replay else ())]
    if not ids:
        return now
    known = [current(archive, each).earlier for each in ids]
    with archive.read() as db:
        sent = reports.sent(db, {each.report_id for earlier in known for each in earlier})
    earlier = _merged(known, now.earlier, {each.report_id for each in sent if each.may_be_sent})
    return replace(now, earlier=earlier, accepted=accepted(sent), waiting=now.waiting | _waiting(sent), is_grown=True)


def _with_others(archive: Archive, now: Current) -> Current:
    """Add the reports of other entries under ids for which this entry sent nothing: those tests had not changed."""
    with archive.read() as db:
        others = reports.sent(db, {e.report_id for e in now.earlier} - now.accepted.keys() - now.waiting)
    return replace(now, accepted={**accepted(others), **now.accepted}, waiting=now.waiting | _waiting(others))


def _waiting(sent: Sequence[Report]) -> set[str]:
    return {each.report_id for each in sent if each.submission_state is SubmissionState.WAITING}


def formers(archive: Archive, entry: ArchiveEntry) -> tuple[str, ...]:
    """Return the entries with reports, of the same file, whose whole content this one begins with, latest first."""
    if entry.source_kind is not SourceKind.FILE or not entry.source_archived_path:
        return ()
    for by_inode in (False, True):
        with archive.read() as db:
            found = entries.shorter_at_its_place(db, entry, by_inode=by_inode, limit=_MOST_FORMERS)
        beginnings = _beginnings(archive, entry, {each.source_size_bytes for each in found})
        same = [each for each in found if beginnings.get(each.source_size_bytes) == each.source_checksum]
        if same:
            return tuple(each.archive_id for each in same)
    return ()


def unchanged(archive: Archive, new: Sequence[Report], documents: Sequence[bytes]) -> dict[int, Report]:
    """Return by ordinal the other entry's report that the server has under a new report's id, if the documents are equal."""
    with archive.read() as db:
        there = {each.ordinal: (each, at_server(db, each.report_id)) for each in new}
    others = {n: (each, old) for n, (each, old) in there.items() if old and old.archive_id != each.archive_id}
    is_like = alike(archive, [old for _, old in others.values()], documents)
    return {n: old for n, (each, old) in others.items() if old.checksum == each.checksum or is_like(old.report_id, n)}


def decide(tx: Connection, report: Report, same: Report | None) -> Report:
    """Decide whether a report of a file that may grow is sent, as the catalog is within this transaction.

    It is not sent if a later entry has its id, since the server would keep the older one, nor if the server has ``same``.
    """
    if report.submission_state is not SubmissionState.WAITING:
        return report
    why = None
    if later := taken_over_by(tx, report.report_id, of=report.archive_id):
        why = f"not sent: {later} is of the same file, and has a later report of this id; replay that entry"
    elif same and (there := at_server(tx, report.report_id)) and there.archived_path == same.archived_path:
        why = f"unchanged since entry {same.archive_id}"
    return replace(report, submission_state=SubmissionState.WITHHELD, last_error=why) if why else report


def taken_over_by(db: Connection, report_id: str, *, of: str) -> str | None:
    """Return the latest entry after this one, of the same converter, with a report of this id that may have been sent."""
    later = [each for each in reports.later_elsewhere(db, report_id, of=of) if each.may_be_sent]
    return later[-1].archive_id if later else None


def taken_over(archive: Archive, archive_id: str, report_ids: Collection[str]) -> frozenset[str]:
    """Return those of the ids that a later entry has taken over."""
    with archive.read() as db:
        return frozenset(each for each in report_ids if taken_over_by(db, each, of=archive_id))


def withhold_older(tx: Connection, new: Sequence[Report]) -> None:
    """Withhold older reports of other entries under the ids that are sent now."""
    sent = _waiting(new)
    mine = {each.archive_id for each in new}
    for report in reports.sent(tx, sent):
        if report.submission_state is SubmissionState.WAITING and report.archive_id not in mine:
            reports.withhold(tx, report, reason=REPLACED_LATER)


def at_server(db: Connection, report_id: str) -> Report | None:
    """Return the report that the server certainly has under an id; None if it may have another, or gets one."""
    of_id = reports.sent(db, [report_id])
    last = accepted(of_id).get(report_id)
    if last is None or any(each.submission_state is SubmissionState.WAITING for each in of_id):
        return None
    after = of_id[of_id.index(last) + 1 :]
    return None if any(each.submission_state is not SubmissionState.ACCEPTED for each in after) else last


def _merged(known: Sequence[Sequence[Earlier]], own: Sequence[Earlier], sent: Collection[str]) -> tuple[Earlier, ...]:
    """Return each id once, as the nearest entry has it, and for each test the ids of the nearest entry that sent any."""
    found: dict[str, Earlier] = {}
    tests: set[Keys] = set()
    unsent: list[Earlier] = []
    for earlier in known:
        those_sent = [replace(e, is_sent=True) for e in earlier if e.is_sent or e.report_id in sent]
        found |= {
            id_key(e.report_id): e for e in those_sent if e.keys not in tests and id_key(e.report_id) not in found
        }
        tests |= {e.keys for e in those_sent}
        unsent += [e for e in earlier if not (e.is_sent or e.report_id in sent)]
    for each in (*unsent, *own):
        found.setdefault(id_key(each.report_id), each)
    return tuple(found.values())


def _longest(archive: Archive, entry: ArchiveEntry) -> Iterator[str]:
    """Return the latest entry of the same path that begins with the whole content of this one, if there is one."""
    if entry.source_kind is not SourceKind.FILE or not entry.source_size_bytes:
        return
    with archive.read() as db:
        found = entries.longer_at_its_place(db, entry, limit=_MOST_FORMERS)
    size = entry.source_size_bytes
    for each in found:
        if _beginnings(archive, each, {size}).get(size) == entry.source_checksum:
            yield each.archive_id
            return


def _beginnings(archive: Archive, entry: ArchiveEntry, sizes: Collection[int]) -> dict[int, str]:
    """Return the checksums of a source's first bytes, by the number of bytes; none if they cannot be read."""
    if not sizes or not entry.source_archived_path:
        return {}
    try:
        return checksums_at(archive.blobs.read(entry.source_archived_path), sizes)
    except (ArchiveError, OSError):
        return {}


def checksums_at(chunks: Iterable[bytes], sizes: Collection[int]) -> dict[int, str]:
    """Return the checksum of a stream's first bytes, for each of these numbers up to its length."""
    digest, position = hashlib.sha256(), 0
    found: dict[int, str] = {}
    open_sizes = deque(sorted(sizes))
    for chunk in chunks:
        while open_sizes and open_sizes[0] <= position + len(chunk):
            size = open_sizes.popleft()
            part = digest.copy()
            part.update(chunk[: size - position])
            found[size] = f"sha256:{part.hexdigest()}"
        if not open_sizes:
            break
        digest.update(chunk)
        position += len(chunk)
    return found
