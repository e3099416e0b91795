"""Which entries are the same file before it grew, as the catalog and the blobs tell."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pywats_archive.archive import appended, ingest, ledger, record, sources
from pywats_archive.archive.appended import checksums_at
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import ArchiveEntry


def test_the_checksum_of_each_beginning_is_read_once() -> None:
    """However the bytes come, each beginning has its own checksum, and one that is longer than all of them none."""
    whole = bytes(range(256)) * 40
    sizes = {1, 99, 100, 101, 4096, len(whole), len(whole) + 1}
    for step in (1, 100, 4096, 100_000):
        chunks = (whole[at : at + step] for at in range(0, len(whole), step))
        wanted = {n: f"sha256:{hashlib.sha256(whole[:n]).hexdigest()}" for n in sizes if n <= len(whole)}
        assert checksums_at(chunks, sizes) == wanted, step


def test_formers_are_the_files_that_it_begins_with(tmp_path: Path) -> None:
    """Not another converter's, nor an empty one, one without reports, another content, or a longer one; the latest first."""
    log = tmp_path / "a.log"
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        wanted = [put(archive, log, content) for content in (b"one", b"one two")]
        put(archive, log, b"one ", converter="other")
        put(archive, log, b"one t", reports=())
        for content in (b"", b"own", b"one two three four"):
            put(archive, log, content)
        beside = put(archive, tmp_path / "b.log", b"one tw")
        latest = put(archive, log, b"one two three")
        assert appended.formers(archive, latest) == tuple(each.archive_id for each in reversed(wanted))
        os.link(tmp_path / "b.log", tmp_path / "c.log")
        assert appended.formers(archive, put(archive, tmp_path / "c.log", b"one twenty")) == (beside.archive_id,)
        assert appended.formers(archive, wanted[0]) == ()


def test_a_file_waits_for_what_it_was_before(tmp_path: Path) -> None:
    """The latest earlier arrival of the same path or inode counts, as long as it is archived and has not ended."""
    log = tmp_path / "a.log"
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        numbers = []
        for content in (b"one", b"one two", b"one two three"):
            put(archive, log, content, state=ArrivalState.WAITING)
            numbers.append(latest_at(archive, log).number)
        last = ledger.get(archive, numbers[-1])
        assert before(archive, last) == numbers[1]
        record.set_arrival(archive, numbers[1], ArrivalState.DONE)
        assert before(archive, last) == numbers[0]
        record.set_arrival(archive, numbers[0], ArrivalState.REFUSED)
        assert before(archive, last) is None
        renamed = log.rename(tmp_path / "b.log")
        put(archive, renamed, b"one two three four")
        assert before(archive, latest_at(archive, renamed)) == numbers[2]


def before(archive: Archive, arrival: Arrival) -> int | None:
    found = ledger.unfinished_before(archive, arrival)
    return found.number if found else None


def latest_at(archive: Archive, path: Path) -> Arrival:
    return ledger.latest_at(archive, "c", [str(path)])[str(path)]


def put(
    archive: Archive,
    path: Path,
    content: bytes,
    *,
    converter: str = "c",
    reports: tuple[bytes, ...] = (b"{}",),
    state: ArrivalState = ArrivalState.DONE,
) -> ArchiveEntry:
    """Archive a content of a file with its reports, and bring its arrival to a state."""
    path.write_bytes(content)
    now = sources.signature(path)
    sighting = Sighting(path=str(path), size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, inode=now.inode)
    (arrival,) = ledger.enter(archive, converter, [sighting])
    entry = ingest.archive_source(
        archive, ingest.NewSource(path=path, converter_name=converter, arrival_id=arrival.number)
    )
    for body in reports:
        record.add_report(archive, entry.archive_id, body)
    record.set_arrival(archive, arrival.number, state)
    return entry
