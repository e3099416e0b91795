"""Sources leave the watch folder only when nothing can be lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.encrypted import encrypted, without_key

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.blobs.encryption.keys import Identity
from pywats_archive.catalog import arrivals
from pywats_archive.config import ConverterConfig
from pywats_archive.config.keys import IDENTITY_FILE
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.pipeline.postprocess.actions import apply
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.postprocess.departing import SourceFile
from pywats_archive.portable.files import WINDOWS


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of its own."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as made:
        yield made


def departure(archive: Archive, path: Path) -> SourceFile:
    """Archive a source, so that it may leave."""
    entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="c"))
    fields = {"name": "c", "module_path": "m.C", "watch_folder": "w", "done_folder": str(path.parent.parent / "Done")}
    now = stamp_of(path)
    return SourceFile(
        path=path,
        size_bytes=now.size_bytes,
        mtime_ns=now.mtime_ns,
        config=ConverterConfig.model_validate(fields),
        archive=archive,
        entry=entry,
    )


REMOVED = Ending(state=ArrivalState.DONE, destination=Destination.REMOVED, clean_leftovers=True)


@pytest.fixture
def watch(tmp_path: Path) -> Path:
    """A watch folder."""
    (tmp_path / "watch").mkdir()
    return tmp_path / "watch"


def test_a_source_is_removed_once_its_blob_was_read_back(archive: Archive, watch: Path) -> None:
    """DELETE and ARCHIVE remove the source (invariant 2)."""
    (watch / "a.log").write_bytes(b"x")
    assert apply(REMOVED, departure(archive, watch / "a.log")).moved_to == "removed"
    assert not (watch / "a.log").exists()


def test_a_damaged_blob_keeps_its_source(archive: Archive, watch: Path) -> None:
    """A source whose blob does not read back goes to Done instead of being removed (invariant 2)."""
    (watch / "a.log").write_bytes(b"precious")
    leaving = departure(archive, watch / "a.log")
    assert leaving.entry is not None
    blob = archive.root / leaving.entry.source_archived_path
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-9] + b"damaged!!")
    departed = apply(REMOVED, leaving)
    assert departed.note is not None and "not removed" in departed.note
    assert (watch.parent / "Done" / "a.log").read_bytes() == b"precious"


def test_a_source_that_no_key_here_reads_back_is_kept(tmp_path: Path, watch: Path) -> None:
    """An encrypted blob whose bytes are intact, but which nobody here can open, removes no source (invariant 2)."""
    encrypted(tmp_path)
    with Archive.open(tmp_path / "archive", own=True) as archive:
        for name, other in (("missing", None), ("wrong", Identity.generate().secret_text())):
            (watch / name).write_bytes(b"precious")
            leaving = departure(archive, watch / name)
            with without_key(tmp_path):
                if other:
                    (tmp_path / IDENTITY_FILE).write_text(other)
                with Archive.open(tmp_path / "archive") as reader:
                    departed = apply(REMOVED, replace(leaving, archive=reader))
                (tmp_path / IDENTITY_FILE).unlink(missing_ok=True)
            assert departed.note is not None and "not removed" in departed.note
            assert (watch.parent / "Done" / name).read_bytes() == b"precious"
        (watch / "opened").write_bytes(b"x")
        assert apply(REMOVED, departure(archive, watch / "opened")).moved_to == "removed"


def test_a_source_that_changed_is_left(archive: Archive, watch: Path) -> None:
    """What was written after archiving is not removed (invariant 2)."""
    (watch / "a.log").write_bytes(b"one")
    leaving = departure(archive, watch / "a.log")
    (watch / "a.log").write_bytes(b"one and more")
    assert "changed" in (apply(REMOVED, leaving).note or "")
    assert (watch / "a.log").read_bytes() == b"one and more"


def test_a_folder_with_a_new_file_is_kept(archive: Archive, watch: Path) -> None:
    """A folder that gained a file after archiving goes to Done instead of being removed (invariant 2)."""
    (watch / "unit").mkdir()
    (watch / "unit" / "a").write_bytes(b"a")
    leaving = departure(archive, watch / "unit")
    (watch / "unit" / "late").write_bytes(b"late")
    apply(REMOVED, leaving)
    assert (watch.parent / "Done" / "unit" / "late").read_bytes() == b"late"


def test_leftovers_of_the_same_entry_are_cleaned_and_no_others(archive: Archive, watch: Path) -> None:
    """ARCHIVE cleans Done of what the ledger says that this very source left there, byte for byte, and of nothing else."""
    done = watch.parent / "Done"
    done.mkdir()
    (watch / "a.log").write_bytes(b"same")
    leaving = departure(archive, watch / "a.log")
    for name, content in (("a.log", b"same"), ("a_2.log", b"same"), ("a_3.log", b"same"), ("a_4.log", b"else")):
        (done / name).write_bytes(content)
    assert leaving.entry is not None
    other = departure(archive, done / "a_2.log").entry  # of another converter that has the same Done folder
    assert other is not None
    for name, entry in (
        ("a.log", leaving.entry),
        ("a_4.log", leaving.entry),
        ("a_3.log", leaving.entry),
        ("a_3.log", other),
    ):
        _left(archive, entry.archive_id, done / name)
    apply(REMOVED, leaving)
    assert sorted(path.name for path in done.iterdir()) == ["a_2.log", "a_3.log", "a_4.log"]


def _left(archive: Archive, archive_id: str, place: Path) -> None:
    """Say in the ledger that a source of an entry went to a place."""
    (arrival,) = ledger.enter(archive, "c", [ledger.Sighting(path="/watch/a.log", size_bytes=4, mtime_ns=1)])
    archive.write(
        lambda tx: arrivals.change(
            tx, arrival.number, state=ArrivalState.DONE, now=archive.now(), archive_id=archive_id, moved_to=str(place)
        )
    )


@pytest.mark.posix("Windows renames in one step, which no crash cuts in two")
def test_a_move_cut_short_leaves_one_file_in_done(archive: Archive, watch: Path) -> None:
    """Killed when it had its name in Done and still that in the watch folder, a source ends in Done once (invariant 5)."""
    (watch / "a.log").write_bytes(b"x")
    leaving = departure(archive, watch / "a.log")
    done = watch.parent / "Done"
    done.mkdir()
    (done / "a.log").hardlink_to(watch / "a.log")
    apply(Ending(state=ArrivalState.DONE, destination=Destination.DONE), leaving)
    assert [path.name for path in done.iterdir()] == ["a.log"] and list(watch.iterdir()) == []


@pytest.mark.skipif(WINDOWS, reason="makes symbolic links")
@pytest.mark.parametrize("destination", [Destination.REMOVED, Destination.ZIPPED, Destination.DONE])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_link_in_place_of_a_source_is_left_alone(
    archive: Archive, watch: Path, tmp_path: Path, is_folder: bool, destination: Destination
) -> None:
    """What lies elsewhere is neither removed nor moved when a source was replaced by a link to it (invariant 2)."""
    source, elsewhere = watch / "unit", tmp_path / "elsewhere"
    if is_folder:
        source.mkdir()
        (source / "a.log").write_bytes(b"x")
    else:
        source.write_bytes(b"x")
    leaving = departure(archive, source)
    elsewhere.mkdir()
    if is_folder:
        (source / "a.log").rename(elsewhere / "a.log")
        source.rmdir()
    else:
        source.rename(elsewhere / "unit")
    source.symlink_to(elsewhere)
    before = list(elsewhere.iterdir())
    departed = apply(Ending(state=ArrivalState.DONE, destination=destination), leaving)
    assert departed.is_replaced and source.is_symlink()
    assert list(elsewhere.iterdir()) == before and [path.read_bytes() for path in before] == [b"x"]


def test_a_source_that_keeps_its_place_in_pending_is_known_to_lie_there(archive: Archive, tmp_path: Path) -> None:
    """A suspended source whose name another one has by now stays in Pending with KEEP; the ledger says so (invariant 12)."""
    pending = tmp_path / "Pending"
    pending.mkdir()
    (pending / "a.log").write_bytes(b"x")
    leaving = departure(archive, pending / "a.log")
    config = leaving.config.model_copy(update={"pending_folder": str(pending)})
    kept = Ending(state=ArrivalState.DONE, destination=Destination.KEPT)
    departed = apply(kept, replace(leaving, config=config))
    assert departed.moved_to == str(pending / "a.log") and departed.note
    assert apply(kept, leaving).moved_to is None
