"""Companions into blobs: what is packed, what is stored alone, and when a blob gets one more name instead."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.restore.salvage import salvage_source
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.archive.sources import ingest, reading
from pywats_archive.archive.state import recent_files
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content, measure
from pywats_archive.blobs.store import UNKNOWN
from pywats_archive.catalog import entries
from pywats_archive.integrity.verify import verify
from pywats_archive.models.entry import ArchiveEntry, Companion
from pywats_archive.models.operation.integrity import Thoroughness

NOON = datetime(2026, 2, 13, 12, tzinfo=timezone.utc)


def _too_many_links_on_windows() -> OSError:
    error = OSError(errno.EINVAL, "too many links")
    vars(error)["winerror"] = 1142
    return error


def _refusing(error: OSError) -> Any:
    link = os.link

    def refused(source: str, target: str, **how: Any) -> None:
        if not str(source).endswith(".part"):
            raise error
        link(source, target, **how)

    return refused


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def archive(tmp_path: Path, clock: Clock) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive", create=True, own=True, clock=clock) as archive:
        yield archive


@pytest.fixture
def watch(tmp_path: Path) -> Path:
    folder = tmp_path / "watch"
    folder.mkdir()
    return folder


def _file(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content or path.name.encode() * 100)
    return path


def _take_in(archive: Archive, path: Path, beside: Sequence[Path] = (), **how: Any) -> ArchiveEntry:
    new = replace(ingest.NewSource(path=path, converter_name="c", converter_version="1"), **how)
    entry = ingest.archive_source(archive, new)
    return ingest.add_companions(archive, entry, beside, found_by="opened")


def _files_on_disk(archive: Archive) -> int:
    return len({path.stat().st_ino for path in (archive.root / "sources").rglob("*.gz")})


def _check(archive: Archive) -> None:
    assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


def _restored(archive: Archive, entry: ArchiveEntry, folder: Path) -> dict[str, bytes]:
    into = restore_source(archive, entry.archive_id, folder / entry.archive_id).parent
    return {path.relative_to(into).as_posix(): path.read_bytes() for path in into.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("source", "name", "is_packed"),
    [
        ("SN1.log", "SN1.txt", True),
        ("SN1.log", "SN1/data.txt", True),
        ("SN1.log", "raw/SN1_2.txt", True),
        ("SN1.log", "SN12.log", False),
        ("SN1.log", "SN1b/data.txt", False),
        ("SN1.log", "cal.txt", False),
        ("SN1.log", "old/cal.txt", False),
    ],
)
def test_what_is_named_after_its_source_is_packed(
    archive: Archive, watch: Path, source: str, name: str, is_packed: bool
) -> None:
    """Its own companions are many and come once; any other file may be that of other sources too."""
    (companion,) = _take_in(archive, _file(watch / source), [_file(watch / name)]).companions
    assert layout.is_one_companion(companion.archived_path) is not is_packed
    assert companion.archived_path.endswith(".companions.tar.gz" if is_packed else ".companions.1.gz")
    _check(archive)


def test_a_blob_of_one_companion_is_the_file_under_its_own_name(archive: Archive, watch: Path) -> None:
    """Any tool that opens gzip gives it back, and its header says what it is (invariant 6)."""
    beside = _file(watch / "lib" / "cal.txt")
    (companion,) = _take_in(archive, _file(watch / "a.log"), [beside]).companions
    label = archive.blobs.label(companion.archived_path)
    assert b"".join(archive.blobs.read(companion.archived_path)) == beside.read_bytes()
    assert (label.original_name, label.metadata["kind"], label.metadata["name"]) == (
        "cal.txt",
        "companions",
        "lib/cal.txt",
    )


def test_a_packed_companion_that_comes_again_is_stored_alone_from_then_on(archive: Archive, watch: Path) -> None:
    """Two sources of one name have the same companion: it is there twice, however many come."""
    beside = _file(watch / "a.txt")
    for suffix in ("log", "csv", "xml", "tsv", "dat"):
        _take_in(archive, _file(watch / f"a.{suffix}"), [beside])
    assert _files_on_disk(archive) == 5 + 2
    _check(archive)


def test_a_day_has_a_blob_of_its_own(archive: Archive, watch: Path, clock: Clock) -> None:
    """What is purged by age goes by days; nothing of a day is needed by another one."""
    beside = _file(watch / "cal.txt")
    for day in range(2):
        clock.now = NOON + timedelta(days=day)
        for name in ("a", "b"):
            _take_in(archive, _file(watch / f"{name}{day}.log"), [beside])
    found = [path.stat() for path in (archive.root / "sources").rglob("*.companions.*")]
    assert [status.st_nlink for status in found] == [2] * 4 and len({status.st_ino for status in found}) == 2
    _check(archive)


@pytest.mark.parametrize(
    ("how", "is_shared"),
    [
        ({}, True),
        ({"compression_level": 1}, True),
        ({"converter_name": "another"}, False),
        ({"converter_version": "2"}, False),
    ],
)
def test_a_source_that_was_a_companion_is_no_second_copy(
    archive: Archive, watch: Path, tmp_path: Path, how: dict[str, Any], is_shared: bool
) -> None:
    """It is the same blob under one more name where its header tells the truth of it, whatever the level."""
    first, second = _file(watch / "a.log"), _file(watch / "b.log")
    one, other = _take_in(archive, first, [second]), _take_in(archive, second, [first], **how)
    assert _files_on_disk(archive) == (2 if is_shared else 3)
    _check(archive)
    assert _restored(archive, other, tmp_path) == {path.name: path.read_bytes() for path in (first, second)}
    archive.close()
    assert rebuild(archive.root).problems == ()
    with Archive.open(archive.root) as again:
        for old in (one, other):
            new = again.entry(old.archive_id)
            assert (new.converter_name, new.converter_version) == (old.converter_name, old.converter_version)
            assert (new.source_original_path, new.companions) == (old.source_original_path, old.companions)
        _check(again)


def test_a_companion_that_memory_forgot_is_found_in_the_catalog(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy day has more files than this process remembers: a source that was a companion is no second copy even then."""
    first, second, third = (_file(watch / f"{name}.log") for name in "abc")
    _take_in(archive, third)
    _take_in(archive, first, [second])
    monkeypatch.setattr(recent_files, "_MOST", 1)
    _take_in(archive, _file(watch / "d.log"))
    _take_in(archive, second)
    assert _files_on_disk(archive) == 4
    _check(archive)


def test_another_file_of_the_same_name_size_and_time_is_another_blob(archive: Archive, watch: Path) -> None:
    """Content decides, of a companion as of a source."""
    for number, content in enumerate((b"one", b"two")):
        _file(watch / "cal.txt", content)
        os.utime(watch / "cal.txt", ns=(10**18, 10**18))
        _take_in(archive, _file(watch / f"{number}.log"), [watch / "cal.txt"])
    _file(watch / "cal.txt", b"six")
    os.utime(watch / "cal.txt", ns=(10**18, 10**18))
    source = _take_in(archive, watch / "cal.txt")
    assert b"".join(archive.blobs.read(source.source_archived_path)) == b"six"
    assert _files_on_disk(archive) == 5
    _check(archive)


def test_a_name_that_was_purged_is_no_reason_to_fail(archive: Archive, watch: Path) -> None:
    """The blob that was known is gone: the file is stored again, and shared from then on."""
    beside = _file(watch / "cal.txt")
    (gone,) = _take_in(archive, _file(watch / "a.log"), [beside]).companions
    archive.blobs.remove_durably([gone.archived_path])
    found = [_take_in(archive, _file(watch / f"{name}.log"), [beside]).companions[0] for name in ("b", "c")]
    assert len({(archive.root / each.archived_path).stat().st_ino for each in found}) == 1


@pytest.mark.parametrize(
    ("error", "blobs"),
    [
        (OSError(errno.EPERM, "has no links"), 1),
        (OSError(errno.EINVAL, "has no links, on Windows"), 1),
        (OSError(errno.EMLINK, "too many links"), 2),
        (_too_many_links_on_windows(), 2),
    ],
    ids=["EPERM", "EINVAL", "EMLINK", "1142"],
)
def test_one_file_with_too_many_names_is_stored_again(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, blobs: int
) -> None:
    """Without links companions are packed, for as long as that is so; too many names of one file are no such case."""
    beside = [_file(watch / name) for name in ("cal.txt", "limits.txt")]
    _take_in(archive, _file(watch / "a.log"), beside)
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", _refusing(error))
        refused = _take_in(archive, _file(watch / "b.log"), beside)
        assert archive.blobs.has_links is (blobs == 2)
    later = _take_in(archive, _file(watch / "c.log"), beside)
    assert [len({c.archived_path for c in entry.companions}) for entry in (refused, later)] == [blobs, 2]
    assert archive.blobs.has_links and _files_on_disk(archive) == 3 + 2 + blobs
    _check(archive)


def test_what_had_too_many_names_is_found_after_a_restart(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """The catalog has the blob that can still have names."""
    beside = _file(watch / "cal.txt")
    _take_in(archive, _file(watch / "a.log"), [beside])
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", _refusing(OSError(errno.EMLINK, "too many links")))
        (again,) = _take_in(archive, _file(watch / "b.log"), [beside]).companions
    archive.close()
    with Archive.open(archive.root, own=True, clock=clock) as restarted:
        (last,) = _take_in(restarted, _file(watch / "c.log"), [beside]).companions
        assert (restarted.root / last.archived_path).samefile(restarted.root / again.archived_path)


def test_many_at_once_store_it_once(archive: Archive, watch: Path) -> None:
    """Sources that are converted at the same moment wait for each other, file by file."""
    beside = _file(watch / "cal.txt", os.urandom(3_000_000))
    taken = [_take_in(archive, _file(watch / f"{number}.log")) for number in range(6)]
    begin = threading.Barrier(len(taken))

    def add(entry: ArchiveEntry) -> None:
        begin.wait()
        ingest.add_companions(archive, entry, [beside], found_by="opened")

    with ThreadPoolExecutor(len(taken)) as pool:
        list(pool.map(add, taken))
    assert _files_on_disk(archive) == len(taken) + 1
    _check(archive)


def test_a_companion_that_was_stored_alone_is_salvaged(archive: Archive, watch: Path, tmp_path: Path) -> None:
    """A damaged source comes back with what is sound beside it."""
    source, beside = _file(watch / "a.log", os.urandom(5_000)), _file(watch / "lib" / "cal.txt")
    entry = _take_in(archive, source, [beside])
    _damage(archive.root / entry.source_archived_path)
    salvaged = salvage_source(archive, entry.archive_id, tmp_path / "to")
    assert salvaged.damage
    assert (tmp_path / "to/a.log.companions.damaged/lib/cal.txt").read_bytes() == beside.read_bytes()


def test_a_damaged_companion_is_found_in_each_entry_that_has_it(archive: Archive, watch: Path) -> None:
    """Verify names each of its names."""
    beside = _file(watch / "cal.txt", os.urandom(5_000))
    found = [_take_in(archive, _file(watch / f"{name}.log"), [beside]) for name in ("a", "b")]
    _damage(archive.root / found[0].companions[0].archived_path)
    problems = [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem]
    assert sorted(problem.archive_id or "" for problem in problems) == sorted(entry.archive_id for entry in found)


def test_a_damaged_companion_gets_no_further_name(archive: Archive, watch: Path, tmp_path: Path, clock: Clock) -> None:
    """The file that still lies there is stored again, and not what is left of its first copy (invariants 2 and 6)."""
    content = os.urandom(5_000)
    beside = _file(watch / "cal.txt", content)
    first = _take_in(archive, _file(watch / "a.log"), [beside])
    _damage(archive.root / first.companions[0].archived_path)
    archive.close()
    with Archive.open(archive.root, own=True, clock=clock) as again:
        second = _take_in(again, _file(watch / "b.log"), [beside])
        assert _restored(again, second, tmp_path / "back")["cal.txt"] == content
        source = _take_in(again, beside)
        again.blobs.check(source.source_archived_path, source.source_checksum)


def test_tars_that_earlier_versions_shared_are_read(archive: Archive, watch: Path, tmp_path: Path) -> None:
    """A tar with one companion, a name for each entry, one header: verified, restored, and found again by a rebuilding."""
    beside = _file(watch / "cal.txt")
    taken = [_take_in(archive, _file(watch / f"{name}.log")) for name in ("a", "b")]
    first = _as_before(archive, taken[0], list(reading.read_tar(watch, [beside])))
    second = layout.companions_path(taken[1].archive_id, 1)
    os.link(archive.root / first, archive.root / second)
    for entry, path in zip(taken, (first, second), strict=True):
        content = measure([beside.read_bytes()])
        found = Companion(
            name="cal.txt",
            archived_path=path,
            size_bytes=content.size_bytes,
            checksum=content.checksum,
            found_by="opened",
        )
        archive.write(
            partial(entries.set_companions, archive_id=entry.archive_id, companions=[found], disk_size_bytes=0)
        )
    before = [archive.entry(entry.archive_id).companions for entry in taken]
    _check(archive)
    for entry in taken:
        assert _restored(archive, entry, tmp_path)["cal.txt"] == beside.read_bytes()
    archive.close()
    assert rebuild(archive.root).problems == ()
    with Archive.open(archive.root) as again:
        assert [again.entry(entry.archive_id).companions for entry in taken] == before


def _as_before(archive: Archive, entry: ArchiveEntry, tar: Sequence[bytes]) -> str:
    path = layout.companions_path(entry.archive_id, 1)

    def label(content: Content) -> Label:
        told = {"kind": "companions", "archive_id": entry.archive_id, "number": 1, "found_by": "opened"}
        told |= {"sha256": content.sha256, "size_bytes": content.size_bytes, "shareable": True}
        return Label(original_name="companions.tar", mtime_s=0, metadata=told)

    written = archive.blobs.write(
        tar,
        folder=PurePosixPath(path).parent.as_posix(),
        draft=lambda: label(UNKNOWN),
        naming=lambda content: (path, label(content)),
        level=6,
    )
    archive.blobs.sync_name(written)
    return written.path


def _damage(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0xFF
    path.write_bytes(bytes(content))
