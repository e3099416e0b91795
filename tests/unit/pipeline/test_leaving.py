"""A source that is replaced, or grows, while it leaves: what is removed is what was looked at, and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest, reading
from pywats_archive.archive.sources.leaving import private_name
from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.blobs.store import BlobStore
from pywats_archive.catalog import arrivals
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import StorageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.postprocess import actions
from pywats_archive.pipeline.postprocess.actions import apply
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.departing import SourceFile
from pywats_archive.portable import files

REMOVED = Ending(state=ArrivalState.DONE, destination=Destination.REMOVED)
ZIPPED = Ending(state=ArrivalState.DONE, destination=Destination.ZIPPED)
DONE = Ending(state=ArrivalState.DONE, destination=Destination.DONE)


@pytest.fixture
def watch(tmp_path: Path) -> Path:
    (tmp_path / "watch").mkdir()
    return tmp_path / "watch"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        yield made


@pytest.fixture
def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch folder lies on another file system than Done."""
    link, rename = os.link, os.rename

    def no_link(source: Any, target: Any, **more: Any) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "another device")
        link(source, target, **more)

    def no_rename(source: Any, target: Any) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "another device")
        rename(source, target)

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(os, "rename", no_rename)


def leaving(path: Path, archive: Archive | None = None) -> SourceFile:
    """Return a source that is to leave, archived if there is an archive."""
    entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c")) if archive else None
    fields = {"name": "c", "module_path": "m.C", "watch_folder": "w", "done_folder": str(path.parent.parent / "Done")}
    config, now = ConverterConfig.model_validate(fields), stamp_of(path)
    return SourceFile(
        path=path, size_bytes=now.size_bytes, mtime_ns=now.mtime_ns, config=config, archive=archive, entry=entry
    )


def after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], object]) -> None:
    """Have something happen, once, when a function has ended."""
    real, left = getattr(owner, name), [act]

    def called(*told: Any, **more: Any) -> Any:
        result = real(*told, **more)
        if left:
            left.pop()()
        return result

    monkeypatch.setattr(owner, name, called)


def replaced(path: Path) -> Callable[[], object]:
    """Replace a file by another one as a station does."""
    other = path.parent.parent / "other"
    other.write_bytes(b"another source")
    return lambda: other.replace(path)


def write_late(folder: Path) -> Callable[[], object]:
    """Write another file into a folder as it leaves, as a program can that has it as its current directory."""
    return lambda: (private_name(folder) / "late").write_bytes(b"late")


def try_to_leave(ending: Ending, departure: SourceFile) -> None:
    """Let it leave; if it cannot, that is a StorageError, and is tried again."""
    try:
        apply(ending, departure)
    except StorageError:
        apply(ending, departure)


def test_what_replaced_a_source_while_its_blob_was_read_back_stays(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DELETE and ARCHIVE remove no other source than the one they judged (invariant 2)."""
    (watch / "a.log").write_bytes(b"x")
    departure = leaving(watch / "a.log", archive)
    after(monkeypatch, BlobStore, "check", replaced(watch / "a.log"))
    try_to_leave(REMOVED, departure)
    assert (watch / "a.log").read_bytes() == b"another source"


def test_what_is_archived_is_read_back_whatever_the_configuration_says_now(archive: Archive, watch: Path) -> None:
    """A source is not removed for a damaged blob, though new sources' bytes are no longer kept (invariant 2)."""
    (watch / "a.log").write_bytes(b"precious")
    departure = leaving(watch / "a.log", archive)
    config = departure.config.model_copy(update={"archive_source_files": False})
    assert departure.entry is not None
    blob = archive.root / departure.entry.source_archived_path
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-9] + b"damaged!!")
    apply(REMOVED, replace(departure, config=config))
    assert (watch.parent / "Done" / "a.log").read_bytes() == b"precious"


def test_what_replaced_a_source_while_it_was_zipped_stays(watch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ZIP removes no other source than the one in the zip (invariant 2)."""
    (watch / "a.log").write_bytes(b"x")
    departure = leaving(watch / "a.log")
    after(monkeypatch, zipfile.ZipFile, "testzip", replaced(watch / "a.log"))
    try_to_leave(ZIPPED, departure)
    assert (watch / "a.log").read_bytes() == b"another source"


@pytest.mark.usefixtures("across")
def test_what_replaced_a_source_while_it_was_copied_stays(watch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MOVE to another file system removes no other source than the one it copied (invariant 2)."""
    (watch / "a.log").write_bytes(b"x")
    departure = leaving(watch / "a.log")
    after(monkeypatch, shutil, "copy2", replaced(watch / "a.log"))
    try_to_leave(DONE, departure)
    assert (watch / "a.log").read_bytes() == b"another source"


@pytest.mark.usefixtures("across")
def test_what_comes_into_a_folder_while_it_is_copied_is_kept(watch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MOVE of a folder to another file system loses no file that came meanwhile (invariant 2)."""
    (watch / "unit").mkdir()
    (watch / "unit" / "a").write_bytes(b"a")
    departure = leaving(watch / "unit")
    after(monkeypatch, shutil, "copytree", write_late(watch / "unit"))
    try_to_leave(DONE, departure)
    assert b"late" in [path.read_bytes() for path in watch.parent.rglob("late")]
    assert b"a" in [path.read_bytes() for path in (watch.parent / "Done").rglob("a")]


def test_what_comes_into_a_folder_while_it_is_removed_is_kept(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DELETE of a folder loses no file that came after each was found in the archive (invariant 2)."""
    (watch / "unit" / "deep").mkdir(parents=True)
    (watch / "unit" / "deep" / "a").write_bytes(b"a")
    (watch / "unit" / "link").symlink_to("deep")
    departure = leaving(watch / "unit", archive)
    after(monkeypatch, actions, "_prove_archived", write_late(watch / "unit"))
    try_to_leave(REMOVED, departure)
    assert (watch.parent / "Done" / "unit" / "late").read_bytes() == b"late"


@pytest.mark.usefixtures("across")
@pytest.mark.parametrize("kind", ["file", pytest.param("folder", marks=pytest.mark.posix("makes symbolic links"))])
def test_a_source_leaves_for_another_file_system(watch: Path, kind: str) -> None:
    """What is moved lies in Done alone, links and all."""
    (watch / "unit" / "empty").mkdir(parents=True)
    (watch / "unit" / "link").symlink_to("empty")
    (watch / "unit" / "a").write_bytes(b"a")
    (watch / "a.log").write_bytes(b"a")
    name = "a.log" if kind == "file" else "unit"
    apply(DONE, leaving(watch / name))
    assert not (watch / name).exists()
    assert [path.name for path in (watch.parent / "Done").iterdir()] == [name]
    if kind == "folder":
        assert {path.name for path in (watch.parent / "Done/unit").iterdir()} == {"empty", "link", "a"}


def test_a_file_as_long_and_as_old_that_replaced_a_leftover_in_done_stays(
    archive: Archive, watch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ARCHIVE removes a leftover in Done, and no file that came in its place (invariant 2)."""
    done = watch.parent / "Done"
    done.mkdir()
    (watch / "a.log").write_bytes(b"x")
    (done / "a.log").write_bytes(b"x")
    time_ns = (done / "a.log").stat().st_mtime_ns
    departure = leaving(watch / "a.log", archive)
    arrival = ledger.enter(archive, "c", [ledger.Sighting(path=str(watch / "a.log"), size_bytes=1, mtime_ns=1)])[0]
    assert departure.entry
    left = {"archive_id": departure.entry.archive_id, "moved_to": str(done / "a.log")}
    archive.write(lambda tx: arrivals.change(tx, arrival.number, state=ArrivalState.DONE, now=archive.now(), **left))

    def replace_it() -> None:
        other = watch.parent / "other"
        other.write_bytes(b"y")
        os.utime(other, ns=(time_ns, time_ns))
        other.replace(done / "a.log")

    after(monkeypatch, reading, "checksum", lambda: after(monkeypatch, reading, "checksum", replace_it))
    apply(replace(REMOVED, clean_leftovers=True), departure)
    assert [(path.name, path.read_bytes()) for path in done.iterdir()] == [("a.log", b"y")]


def test_a_source_that_somebody_removes_while_it_moves_keeps_its_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the old name is gone by itself, the new one is the only one, and stays (invariant 2)."""
    (tmp_path / "a").write_bytes(b"x")
    after(monkeypatch, os, "link", (tmp_path / "a").unlink)
    files.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x"
